/** Many small reads of a store at once, with a limit. */

const AT_ONCE = 32;

/** `Promise.all(values.map(work))` with at most `AT_ONCE` running. */
export async function mapConcurrently<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(values.length);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < values.length; index = next++) results[index] = await work(values[index]);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, values.length) }, lane));
  return results;
}
