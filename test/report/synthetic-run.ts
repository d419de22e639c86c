/** A run's files with made-up but plausible metrics, for tests of what shows them. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EvaluatePolicyResult } from '../../core/records/evaluation.ts';
import type { MetricsLine } from '../../core/records/run-records.ts';
import { putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { wilsonInterval } from '../../core/learner/intervals.ts';
import type { Metrics } from '../../core/episodes/metrics.ts';
import type { ThoughtSample } from '../../core/learner/thought-samples.ts';
import { RandomStream } from '../../core/random/counter.ts';

export const CONFIG: RunConfig = parseConfig(
  runConfigSchema,
  {
    title: 'GTR on Points24 with the built-in tiny model',
    algorithm: 'gtr',
    envSteps: 6144,
    environment: { name: 'points24', options: { deals: 'seen' } },
    model: { base: 'models/points24-tiny', prompt: 'points24-tiny', imageSize: 64, valueHead: [64, 32] },
    rollout: { envStepsPerIteration: 512 },
    evaluation: { heldOut: { deals: 'heldOut' } },
  },
  'the test configuration',
);

const thought = (plan: string, next: string) => ({
  cards: ['A', '4', '6', 'T'],
  formula: '(6-1',
  thoughts: `numbers 1 4 6 10 ${plan} append ${next}`,
});
const response = (plan: string, next: string, action = next) => JSON.stringify({ ...thought(plan, next), action });
const state = { cards: ['HA', 'D4', 'C6', 'ST'], formula: ['(', '6', '-', '1'] };

/** One sample of each verdict. */
export const SAMPLES: ThoughtSample[] = [
  {
    state,
    text: response('6-1=5 left 4 5 10 10-4=6 left 5 6 reach (6-1)*4+10', ')'),
    action: ')',
    legal: true,
    reward: 0,
    verdict: {
      outcome: 'corrected',
      target: '(6-1)*4+10-6',
      correction: thought('6-1=5 left 4 5 10 5*4=20 left 10 20 reach (6-1)*4+10-6', ')'),
      action: ')',
    },
  },
  {
    state,
    text: response('6*4=24 reach (6-1)*4', '*'),
    action: '*',
    legal: true,
    reward: 0,
    verdict: { outcome: 'correct', target: '6*4*1' },
  },
  { state, text: '{"cards":["A","4"', action: '+', legal: false, reward: -1, verdict: { outcome: 'unjudged' } },
  {
    state,
    text: response('6-1=5 reach 24', '5'),
    action: '5',
    legal: true,
    reward: -1,
    verdict: { outcome: 'noSolution' },
  },
];

/** Metrics that improve over `count` iterations, the same on every call. */
export function metricsOf(iteration: number, count: number): Metrics {
  const random = new RandomStream({ seed: 5, purpose: 'synthetic metrics', iteration });
  const jitter = (size: number) => size * (random.uniform() - 0.5);
  const done = 1 - Math.exp((-3 * iteration) / count);
  const success = 0.14 + 0.42 * done + jitter(0.08);
  const interval = wilsonInterval(Math.round(success * 140), 140);
  const [sample, correct, assemble, update] = [9 + jitter(2), 2.2 + jitter(0.5), 0.35 + jitter(0.1), 14 + jitter(2)];
  return {
    'episode/count': 140,
    'episode/success': success,
    'episode/success/low': interval.low,
    'episode/success/high': interval.high,
    'episode/reward/mean': 11 * success - 1,
    'episode/cutRate': 0.8 - 0.5 * done + jitter(0.05),
    'action/legalRate': 0.96 + 0.03 * done + jitter(0.01),
    'response/wellFormedRate': 0.9 + 0.09 * done + jitter(0.01),
    'thought/correctRate': 0.3 + 0.4 * done,
    'thought/correctedRate': 0.62 - 0.4 * done + jitter(0.05),
    'thought/noSolutionRate': 0.08,
    'thought/distinctPerState': 1.6 - 0.2 * done + jitter(0.1),
    'thought/perceptionRate': 0.99 + jitter(0.01),
    'thought/validGoalRate': 0.25 + 0.4 * done + jitter(0.03),
    'thought/agreementRate': 0.9 + jitter(0.05),
    'thought/perplexity': 1.6 + done + jitter(0.1),
    'response/tokens': 60 + jitter(3),
    'thought/tokens': 55 + jitter(3),
    'time/tokensPerSecond': 9000 + jitter(300),
    'thought/selfBleu2': 0.71 + 0.05 * done + jitter(0.03),
    'return/mean': 1.2 + done,
    'corrections/rows': 300 * (iteration + 1),
    'corrector/calls': 480,
    'corrector/skipped': 12,
    'corrector/ledgerHits': 30,
    'corrector/costUsd': 0,
    'loss/ppo': -0.01 + 0.008 * done + jitter(0.004),
    'loss/value': 2.4 * Math.exp(-2 * done) + jitter(0.2),
    'loss/sft': 0.9 * Math.exp(-1.6 * done) + jitter(0.05),
    'policy/ratio/mean': 1 + jitter(0.01),
    'policy/ratio/max': 1.6 + jitter(0.4),
    'policy/kl': 0.004 + jitter(0.003),
    'policy/clipFraction': 0.12 - 0.05 * done + jitter(0.03),
    'policy/entropy': 0.5 - 0.25 * done + jitter(0.03),
    'update/gradNorm': 1.9 - done + jitter(0.3),
    'update/lr': 5e-4 * (0.1 + 0.9 * 0.5 * (1 + Math.cos((Math.PI * iteration) / count))),
    'time/sample': sample,
    'time/correct': correct,
    'time/sampleAndCorrect': sample + 0.4 * correct,
    'time/assemble': assemble,
    'time/update': update,
    'time/iteration': sample + 0.4 * correct + assemble + update + 0.2,
  };
}

export function evaluationOf(success: number, episodes = 300): EvaluatePolicyResult {
  const reward = 11 * success - 1;
  const thought = {
    selfBleu2: 0.7,
    distinctPerState: 1.2,
    perceptionRate: 0.99,
    validGoalRate: success,
    agreementRate: 0.9,
  };
  const part = {
    success,
    ...wilsonInterval(Math.round(success * episodes), episodes),
    episodes,
    reward,
    rewardLow: reward - 0.4,
    rewardHigh: reward + 0.4,
    length: 5,
    legalRate: 0.98,
    wellFormedRate: 0.97,
    progress: null,
    groups: {},
    thought,
  };
  return {
    ...part,
    heldOut: { ...part, success: success - 0.04, ...wilsonInterval(Math.round((success - 0.04) * episodes), episodes) },
    greedy: null,
  };
}

export type SyntheticRun = { folder: string; store: FileStore; lines: MetricsLine[] };

/** Writes a run of `iterations` iterations into a fresh folder. */
export async function syntheticRun(
  iterations: number,
  {
    evaluations = {},
    samples = SAMPLES,
    change = (metrics) => metrics,
  }: {
    evaluations?: Record<string, EvaluatePolicyResult>;
    samples?: ThoughtSample[];
    change?: (metrics: Metrics) => Metrics;
  } = {},
): Promise<SyntheticRun> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gtr-run-'));
  const store = new FileStore(path.join(folder, 'artifacts'));
  const ref = await putJson(store, 'samples', samples);
  const lines = Array.from({ length: iterations }, (_, iteration) => ({
    iteration,
    metrics: change(metricsOf(iteration, iterations)),
    samples: ref,
  }));
  if (iterations > 0)
    await writeFile(path.join(folder, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  for (const [label, result] of Object.entries(evaluations))
    await writeFile(path.join(folder, `evaluation-${label}.json`), JSON.stringify(result));
  return { folder, store, lines };
}
