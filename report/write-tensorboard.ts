/** Writes a run as a TensorBoard event file: scalars of all metrics, evaluations, and a few thoughts with their pictures. */
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { ThoughtSample } from '../learner/thought-samples.ts';
import { drawState, readRunFiles, readSamples } from './run-files.ts';
import { eventFile, type LoggedStep, type LoggedValue } from './tensorboard.ts';
import { describeVerdict } from './verdict.ts';

export type WriteTensorBoardInput = {
  /** Folder of the run's files. */
  folder: string;
  /** Folder to write to; TensorBoard shows its name as the run. */
  out: string;
  config: RunConfig;
  store: ArtifactStore;
  /** When the run was started. */
  startedAt: Date;
};

/** Thoughts shown of each iteration. */
const SAMPLES = 3;
const PICTURE_SIZE = 300;

/**
 * Writes `<out>/events.out.tfevents.gtr` and returns its path. The file is made anew from metrics.jsonl each time, so that no crash can double
 * or lose a step. Step n: the metrics of iteration n and the evaluation after n iterations, counted from 0: both say how the policy did after n updates.
 */
export async function writeTensorBoard({ folder, out, config, store, startedAt }: WriteTensorBoardInput): Promise<string> {
  const { lines, evaluations } = await readRunFiles(folder);
  const startTime = startedAt.getTime() / 1000;
  const ends: number[] = [];
  for (const { metrics } of lines) ends.push((ends.at(-1) ?? startTime) + (metrics['time/iteration'] ?? 0));
  const evaluated = evaluations.map(({ iterationsDone, result }): LoggedStep => {
    const time = ends[lines.findLastIndex(({ iteration }) => iteration < iterationsDone)] ?? startTime;
    return { step: iterationsDone, time, values: scalars('evaluation/', result) };
  });
  const trained = lines.map(async ({ iteration, metrics, samples }, index): Promise<LoggedStep> => {
    const read = await readSamples(store, samples);
    return { step: iteration, time: ends[index], values: [...scalars('', metrics), ...(typeof read === 'string' ? [] : sampleValues(config, read))] };
  });
  const steps = [...evaluated, ...(await Promise.all(trained))].sort((a, b) => a.step - b.step);
  const file = path.join(out, 'events.out.tfevents.gtr');
  await writeDurably(file, eventFile(startTime, steps));
  return file;
}

type Measured = number | null | { readonly [name: string]: Measured };

/** One scalar per number, named by the way to it; what was not measured (null) is left out. */
function scalars(prefix: string, values: Readonly<Record<string, Measured>>): LoggedValue[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null) return [];
    return typeof value === 'number' ? [{ tag: `${prefix}${name}`, scalar: value }] : scalars(`${prefix}${name}/`, value);
  });
}

function sampleValues(config: RunConfig, samples: readonly ThoughtSample[]): LoggedValue[] {
  return samples.slice(0, SAMPLES).flatMap((sample, index) => [
    { tag: `sample/${index + 1}/picture`, png: drawState(config, sample.state, PICTURE_SIZE), width: PICTURE_SIZE, height: PICTURE_SIZE },
    { tag: `sample/${index + 1}/thought`, text: sampleMarkdown(sample) },
  ]);
}

/** Indented text is code in markdown: nothing in it is read as markup. */
function sampleMarkdown({ text, verdict, action, legal, reward }: ThoughtSample): string {
  const indented = (content: string) => content.replaceAll(/^/gm, '    ');
  const correction = verdict.outcome === 'corrected' ? ['', 'corrected thought:', '', indented(JSON.stringify(verdict.correction))] : [];
  return [indented(text), '', `verdict: ${describeVerdict(verdict)}`, ...correction, '', 'action, legal, reward:', '', indented(`${action}  ${legal ? 'legal' : 'illegal'}  ${reward}`)].join('\n');
}
