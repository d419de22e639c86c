/** Chooses the server for a session: the reachable one with the fewest sessions. */

/** Counts the sessions of this process. */
export class ServerPool {
  readonly #servers: { readonly url: string; sessions: number; restsUntil: number }[];

  constructor(urls: readonly string[]) {
    this.#servers = urls.map((url) => ({ url, sessions: 0, restsUntil: 0 }));
  }

  /** The server for one more session. */
  take(): string {
    const now = performance.now();
    const rest = (until: number) => Math.max(0, until - now);
    const [best] = this.#servers.toSorted(
      (one, other) => rest(one.restsUntil) - rest(other.restsUntil) || one.sessions - other.sessions,
    );
    best.sessions++;
    return best.url;
  }

  giveBack(url: string): void {
    this.#find(url).sessions--;
  }

  /** The server was away or full: for this long others are preferred, if there are any. */
  rest(url: string, milliseconds: number): void {
    this.#find(url).restsUntil = performance.now() + milliseconds;
  }

  /** Whether any server may be usable now. */
  get hasOther(): boolean {
    return this.#servers.some(({ restsUntil }) => restsUntil <= performance.now());
  }

  #find(wanted: string) {
    return this.#servers.find(({ url }) => url === wanted)!;
  }
}

const pools = new Map<string, ServerPool>();

/** The pool of these servers in this process. */
export function poolOf(urls: readonly string[]): ServerPool {
  const name = urls.join(' ');
  let pool = pools.get(name);
  if (pool === undefined) pools.set(name, (pool = new ServerPool(urls)));
  return pool;
}
