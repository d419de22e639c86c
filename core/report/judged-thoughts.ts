/** Every judged thought of a run, with its judge and cost. */
import path from 'node:path';
import type { IterationRecord } from '../records/run-records.ts';
import { getJson } from '../artifacts/codecs.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import { mapConcurrently } from '../artifacts/map-concurrently.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { Ledger } from '../corrector/ledger.ts';
import { costUsd } from '../corrector/prices.ts';
import { teacherTerms } from '../corrector/teachers.ts';
import { addUsage, NO_USAGE } from '../corrector/teacher.ts';
import type { JsonState } from '../envs/env.ts';
import type { Episode, EpisodeJudgement, Thought, Verdict, VerdictSource } from '../episodes/episode.ts';
import { PictureFolder } from './picture-folder.ts';

/** The cost of a teacher's answer; `at`: when it came. Null cost: the price is unknown. */
export type AnswerCost = {
  requests: number;
  tokensIn: number;
  tokensCached: number;
  tokensOut: number;
  costUsd: number | null;
  seconds: number;
  at: string;
};

export type JudgedThought = {
  iteration: number;
  wave: number;
  /** Index of the episode in its wave, and of the step in the episode. */
  slot: number;
  step: number;
  /** Whether the iteration trained on the wave. */
  used: boolean;
  outcome: Verdict['outcome'];
  /** The source of the verdict: the teacher, asked for this step; the ledger; the exact solver. */
  by: VerdictSource['by'];
  /** Why an answer is unusable, else null. */
  reason: string | null;
  target: string | null;
  thought: Thought;
  /** The action that the agent executed. */
  action: string;
  /** The corrected thought and its action; else null. */
  correction: Thought | null;
  advised: string | null;
  reward: number;
  state: JsonState;
  /**
   * The ledger's entry (`ledger/<two digits>/<key>` in the store), and its cost; null for the solver's verdicts.
   */
  ledger: string | null;
  answer: AnswerCost | null;
};

export type JudgedFilter = { iteration?: number; outcome?: string; by?: string };

/** In the order of iterations, waves, episodes and steps. */
export async function* judgedThoughts(
  store: ArtifactStore,
  iterations: readonly IterationRecord[],
  { iteration: only, outcome, by }: JudgedFilter,
): AsyncGenerator<JudgedThought> {
  for (const { iteration, config, waves } of iterations) {
    if (only !== undefined && iteration !== only) continue;
    for (const [wave, { episodes, judgements, used }] of waves.entries()) {
      const judged = await getJson<EpisodeJudgement[]>(store, judgements);
      const thoughts = (await getJson<Episode[]>(store, episodes)).flatMap(({ states, steps }, slot) =>
        judged[slot].verdicts.flatMap((verdict, step) => {
          const source = judged[slot].sources[step];
          if (source === null || (outcome ?? verdict.outcome) !== verdict.outcome || (by ?? source.by) !== source.by)
            return [];
          const { thought, action, reward } = steps[step];
          const corrected = verdict.outcome === 'corrected' ? verdict : null;
          return {
            iteration,
            wave,
            slot,
            step,
            used,
            outcome: verdict.outcome,
            by: source.by,
            reason: verdict.outcome === 'unusable' ? verdict.reason : null,
            target: 'target' in verdict ? verdict.target : null,
            thought: thought!,
            action,
            correction: corrected?.correction ?? null,
            advised: corrected?.action ?? null,
            reward,
            state: states[step],
            ledger: source.by === 'solver' ? null : source.key,
          };
        }),
      );
      yield* await mapConcurrently(thoughts, async (thought) => ({
        ...thought,
        answer: thought.ledger === null ? null : await answerCost(store, config, thought.ledger),
      }));
    }
  }
}

async function answerCost(store: ArtifactStore, config: RunConfig, key: string): Promise<AnswerCost | null> {
  const answers = (await new Ledger(store).find(key))?.answers ?? [];
  if (answers.length === 0) return null;
  const usage = answers.reduce((sum, answer) => addUsage(sum, answer.usage), NO_USAGE);
  return {
    requests: answers.length,
    tokensIn: usage.promptTokens,
    tokensCached: usage.cachedTokens,
    tokensOut: usage.completionTokens,
    costUsd: costUsd(usage, teacherTerms(config)?.prices ?? null),
    seconds: answers.reduce((sum, { seconds }) => sum + seconds, 0),
    at: new Date(answers.at(-1)!.at).toISOString(),
  };
}

/**
 * Writes `<out>/corrections.jsonl`, a line per thought with the path of its picture, and `<out>/images/`; returns the
 * number of thoughts.
 */
export async function exportJudgedThoughts(
  out: string,
  config: RunConfig,
  thoughts: AsyncIterable<JudgedThought>,
): Promise<number> {
  const pictures = new PictureFolder(out, config);
  const lines: string[] = [];
  for await (const thought of thoughts)
    lines.push(`${JSON.stringify({ ...thought, image: await pictures.add(thought.state) })}\n`);
  await writeDurably(path.join(out, 'corrections.jsonl'), lines.join(''));
  return lines.length;
}
