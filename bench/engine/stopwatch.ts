/** Seconds of one run: wall clock, and CPU (all threads of this process). */
export type Seconds = { wall: number; cpu: number };

export async function seconds(run: () => Promise<void>): Promise<Seconds> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/** The least of several runs, separately for each figure, because other work on the machine only adds time. */
export function least(runs: readonly Seconds[]): Seconds {
  return { wall: Math.min(...runs.map(({ wall }) => wall)), cpu: Math.min(...runs.map(({ cpu }) => cpu)) };
}
