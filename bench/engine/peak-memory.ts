/** Peak memory (resident set) of a case in a separate process. */
import { execFileSync } from 'node:child_process';
import { CASES, type ModelName } from './cases.ts';
import { prepare } from './engine-run.ts';
import { PytorchProcess } from './pytorch-process.ts';

/** Bytes, after two runs. */
export function peakOfEngine(name: string, models: Record<ModelName, string>): number {
  const output = execFileSync(process.execPath, [import.meta.filename, name, JSON.stringify(models)], {
    encoding: 'utf8',
  });
  return Number(output.trim().split('\n').at(-1));
}

/** Bytes, after two runs of a variant. */
export async function peakOfPytorch(
  python: string,
  name: string,
  variant: string,
  models: Record<ModelName, string>,
): Promise<number> {
  const pytorch = new PytorchProcess(python, models);
  await pytorch.version();
  await pytorch.run(name, variant);
  const { peak } = await pytorch.run(name, variant);
  await pytorch.close();
  return peak;
}

if (process.argv[1] === import.meta.filename) {
  const [name, models] = process.argv.slice(2);
  const { run, close } = await prepare(CASES[name], JSON.parse(models) as Record<ModelName, string>, 1);
  await run();
  await run();
  await close();
  console.log(process.resourceUsage().maxRSS * 1024);
}
