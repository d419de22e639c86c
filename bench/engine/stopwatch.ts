/** Seconds of one run: of the clock, and of the processor (all threads of this process). */
export type Seconds = { wall: number; cpu: number };

export async function seconds(run: () => Promise<void>): Promise<Seconds> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/** The least of several runs, each figure for itself: what other work on the machine adds is never negative. */
export function least(runs: readonly Seconds[]): Seconds {
  return { wall: Math.min(...runs.map(({ wall }) => wall)), cpu: Math.min(...runs.map(({ cpu }) => cpu)) };
}
