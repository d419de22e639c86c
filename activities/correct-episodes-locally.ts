/** Judges a wave with the exact solver, which is free: one activity a wave. */
import { setImmediate } from 'node:timers/promises';
import { getJson, putJson } from '../artifacts/codecs.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { correctEpisode } from '../corrector/correct-episode.ts';
import { SolverTeacher } from '../corrector/solver-teacher.ts';
import { gameByName } from '../envs/registry.ts';
import type { Episode, EpisodeJudgement } from '../learner/trajectory.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { RandomStream } from '../random/counter.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { RolloutWaveResult } from './roll-out-wave.ts';

export type CorrectEpisodesInput = { config: RunConfig; iteration: number; wave: RolloutWaveResult };
export type CorrectEpisodesResult = { judgements: ArtifactRef; keptSteps: number; calls: number; seconds: number };

export function createCorrectionActivities({ store }: ActivityDependencies) {
  return {
    correctEpisodesLocally: activity(async ({ config, iteration, wave }: CorrectEpisodesInput): Promise<CorrectEpisodesResult> => {
      const started = performance.now();
      const episodes = await getJson<Episode[]>(store, wave.episodes);
      const teacher = new SolverTeacher(config.environment.name, loadPromptTemplate(config.model.prompt, config.environment.name).thought);
      const game = gameByName(config.environment.name);
      const options = game.parseOptions(config.environment.options);
      let calls = 0;
      const judgements: EpisodeJudgement[] = [];
      for (const episode of episodes) {
        const { steps, states } = episode;
        const judge = (step: number, target: string | null) => {
          if (config.algorithm === 'ppo' || !isJudged(config, iteration, episode.episode, step)) return null;
          calls++;
          const { thought, action } = steps[step];
          return teacher.judge({ environment: game.fromState(states[step], options), thought: thought!, action, target }).then(({ verdict }) => verdict);
        };
        const judgeable = steps.map(({ thought, reward }, step) => ({ wellFormed: thought !== null, failed: reward === game.cut.reward, formulaAfter: game.cut.formula(states[step + 1]) }));
        await setImmediate(); // heartbeats go on
        judgements.push(await correctEpisode(judgeable, judge, { cut: config.algorithm !== 'ppo' && config.corrector.cut }));
      }
      return {
        judgements: await putJson(store, 'judgements', judgements),
        keptSteps: judgements.reduce((sum, { verdicts }) => sum + verdicts.length, 0),
        calls,
        seconds: (performance.now() - started) / 1000,
      };
    }),
  };
}

export type CorrectionActivities = ReturnType<typeof createCorrectionActivities>;

/** The seeded choice of `corrector.judgedShare`. */
function isJudged({ seed, corrector }: RunConfig, iteration: number, episode: number, step: number): boolean {
  return corrector.judgedShare === 1 || new RandomStream({ seed, purpose: 'judged', iteration, episode, step }).uniform() < corrector.judgedShare;
}
