/** TensorBoard's view of a run: scalars of all metrics and evaluations, and a few thoughts with their pictures. */
import type { RunConfig } from '../../configs/schema.ts';
import { drawState } from '../envs/draw-state.ts';
import { describeVerdict } from '../learner/describe-verdict.ts';
import type { Metrics } from '../episodes/metrics.ts';
import { type Measured, numbersOf } from '../records/numbers.ts';
import type { ThoughtSample } from '../learner/thought-samples.ts';
import type { LoggedStep, LoggedValue } from './event-file.ts';

/** Files of a run below its `tensorboard` folder; TensorBoard shows each as a separate run. */
export const EVENT_FILES = {
  training: 'training/events.out.tfevents.gtr',
  evaluation: 'evaluation/events.out.tfevents.gtr',
} as const;

/** Thoughts shown per iteration. */
const SAMPLES = 3;
const PICTURE_SIZE = 300;

/** An iteration as step `iteration`, counted from 0, at its end. `samples`: empty where they are lost. */
export function loggedIteration(
  { iteration, startedAt, metrics }: { iteration: number; startedAt: number; metrics: Metrics },
  config: RunConfig,
  samples: readonly ThoughtSample[],
): LoggedStep {
  return {
    step: iteration,
    time: startedAt / 1000 + (metrics['time/iteration'] ?? 0),
    values: [
      ...scalars('', metrics),
      ...samples.slice(0, SAMPLES).flatMap((sample, index) => sampleValues(config, sample, index + 1)),
    ],
  };
}

/**
 * An evaluation as step `iterationsDone`: like the metrics of that iteration, it shows the policy after that many
 * updates. `time` in seconds since 1970.
 */
export function loggedEvaluation(
  iterationsDone: number,
  time: number,
  result: Readonly<Record<string, Measured>>,
): LoggedStep {
  return { step: iterationsDone, time, values: scalars('evaluation/', result) };
}

/** One scalar per number. */
function scalars(prefix: string, values: Readonly<Record<string, Measured>>): LoggedValue[] {
  return numbersOf(prefix, values).map(([tag, scalar]) => ({ tag, scalar }));
}

function sampleValues(config: RunConfig, sample: ThoughtSample, number: number): LoggedValue[] {
  return [
    {
      tag: `sample/${number}/picture`,
      png: drawState(config, sample.state, PICTURE_SIZE),
      width: PICTURE_SIZE,
      height: PICTURE_SIZE,
    },
    { tag: `sample/${number}/thought`, text: sampleMarkdown(sample) },
  ];
}

/** Indented text is code in markdown, so nothing in it is interpreted. */
function sampleMarkdown({ text, verdict, action, legal, reward }: ThoughtSample): string {
  const indented = (content: string) => content.replaceAll(/^/gm, '    ');
  const correction =
    verdict.outcome === 'corrected' ? ['', 'corrected thought:', '', indented(JSON.stringify(verdict.correction))] : [];
  return [
    indented(text),
    '',
    `verdict: ${describeVerdict(verdict)}`,
    ...correction,
    '',
    'action, legal, reward:',
    '',
    indented(`${action}  ${legal ? 'legal' : 'illegal'}  ${reward}`),
  ].join('\n');
}
