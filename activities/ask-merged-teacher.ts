/** Asks the teacher merged from a run's own checkpoints about the kept steps, on the GPU. */
import { putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { trainingGame } from '../core/envs/with-history.ts';
import type { Thought } from '../core/episodes/episode.ts';
import { referenceThoughts } from '../core/learner/reference-thoughts.ts';
import { scoreAnswers } from '../core/learner/score-answers.ts';
import { answerKl, guessedLogprobs } from '../core/learner/teacher-kl.ts';
import type { MergedTeacher } from '../core/records/run-records.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import { type AgentCache, usePolicy } from './agent-cache.ts';
import { resultOwner } from './resume-points.ts';
import { type AssembleBatchInput, keptSegments } from './assemble-batch.ts';

/** `from`: kept steps of the iteration in the waves before this one. `policy`: the one that sampled it. */
export type AskMergedTeacherInput = {
  config: RunConfig;
  iteration: number;
  wave: AssembleBatchInput['waves'][number];
  from: number;
  policy: Pick<ArtifactRef, 'sha256'>;
  teacher: MergedTeacher;
};
/** `answers`: the stored `TeacherAnswers`. */
export type AskMergedTeacherResult = { answers: ArtifactRef; seconds: number; modelSeconds: number };

/**
 * For each of the wave's steps that are trained on, in order. `kl`: distance of its answer from the teacher
 * (`answerKl`), null where it is malformed; `thoughts`: the teacher's thought, null where none was well-formed.
 */
export type TeacherAnswers = { kl?: (number | null)[]; thoughts?: (Thought | null)[] };

/** `teachers`: for teachers with whole matrices instead of adapters, which need separate sessions. */
export function createMergedTeacherActivities(
  { store }: ActivityDependencies,
  agents: AgentCache,
  teachers: AgentCache,
) {
  const open = async ({ config, teacher, wave, from }: AskMergedTeacherInput) => {
    const started = performance.now();
    const { train } = config.model;
    const agent =
      teacher.whole && train.kind === 'lora'
        ? await teachers.get({ ...config, model: { ...config.model, train: { ...train, kind: 'merged' } } })
        : await agents.get(config);
    const before = agent.engine.seconds;
    await usePolicy(store, agent, teacher.policy);
    const missing = config.rollout.envStepsPerIteration - from;
    const steps = (await keptSegments(store, [wave], missing)).flatMap(({ episode, rewards }) =>
      rewards.map((_, t) => ({ state: episode.states[t], step: episode.steps[t] })),
    );
    const took = () => ({
      seconds: (performance.now() - started) / 1000,
      modelSeconds: agent.engine.seconds - before,
    });
    return { agent, ...trainingGame(config), steps, took };
  };
  return {
    /** Log-probs of the agent's own sampled tokens under the teacher: same prompt, picture, tokens and temperature. */
    teacherLogprobs: activity(
      async (input: AskMergedTeacherInput, beat: Heartbeat<never>): Promise<AskMergedTeacherResult> => {
        const { agent, game, options, steps, took } = await open(input);
        const { tokens, clip } = input.config.turbo.kl;
        const wellFormed = steps.filter(({ step }) => step.thought !== null);
        const asked = wellFormed.map(({ state, step }) => ({
          state,
          responseIds: tokens === 'all' ? step.responseIds : step.responseIds.slice(0, step.thoughtTokens),
        }));
        const { seed } = input.config;
        const guesses = (index: number, count: number) =>
          tokens === 'thought-and-noise'
            ? guessedLogprobs({ seed, iteration: input.iteration, episode: input.from + index }, count)
            : [];
        // The teacher is the policy itself, so any difference is rounding.
        const isItself = input.teacher.policy.sha256 === input.policy.sha256;
        const scored = isItself
          ? wellFormed.map(({ step }) => step.tokenLogprobs!)
          : await scoreAnswers(agent, game, options, asked, input.config.rollout.temperature, () =>
              beat.throwIfInterrupted(),
            );
        const kl = wellFormed.map(({ step }, index) => {
          const { length } = asked[index].responseIds;
          const guessed = guesses(index, step.responseIds.length - length);
          return answerKl(step.tokenLogprobs!, [...scored[index].slice(0, length), ...guessed], clip);
        });
        let next = 0;
        const answers: TeacherAnswers = { kl: steps.map(({ step }) => (step.thought === null ? null : kl[next++])) };
        return {
          answers: await putJson(store, 'teacher-answers', answers, resultOwner('teacher-answers')),
          ...took(),
        };
      },
    ),

    /** The teacher's thought about each kept step's observation. */
    teacherThoughts: activity(
      async (input: AskMergedTeacherInput, beat: Heartbeat<never>): Promise<AskMergedTeacherResult> => {
        const { agent, game, options, steps, took } = await open(input);
        const thoughts = await referenceThoughts(
          agent,
          game,
          options,
          steps.map(({ state }) => state),
          input,
          () => beat.throwIfInterrupted(),
        );
        return {
          answers: await putJson(
            store,
            'teacher-answers',
            { thoughts } satisfies TeacherAnswers,
            resultOwner('teacher-answers'),
          ),
          ...took(),
        };
      },
    ),
  };
}

export type MergedTeacherActivities = ReturnType<typeof createMergedTeacherActivities>;
