/**
 * Judges the thoughts of one episode of a run: which are judged, what the teacher sees, and where each verdict came
 * from.
 */
import { algorithmOf } from '../../configs/algorithms.ts';
import { correctsAt } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { environmentOf, ownEpisode } from '../envs/mixture.ts';
import { gameByName } from '../envs/registry.ts';
import type { Episode, EpisodeJudgement, Verdict, VerdictSource } from '../episodes/episode.ts';
import { RandomStream } from '../random/counter.ts';
import { correctEpisode, LATER } from './correct-episode.ts';
import type { JudgeRequest } from './teacher.ts';

/** How far an episode is judged. */
export type EpisodeProgress = Omit<EpisodeJudgement, 'partial'> & { done: boolean };

export const NOT_JUDGED_YET: EpisodeProgress = { verdicts: [], sources: [], cut: false, done: false };

/** A verdict with its source, or LATER. */
export type JudgeThought = (
  request: JudgeRequest,
  step: number,
) => Promise<{ verdict: Verdict; source: VerdictSource } | typeof LATER>;

/**
 * Continues after `soFar` until the episode is judged or `judge` postpones a thought. `upTo`: how many steps are judged
 * now; `over`: whether the episode was sampled to its end.
 */
export async function judgeEpisode(
  config: RunConfig,
  iteration: number,
  episode: Episode,
  soFar: EpisodeProgress,
  judge: JudgeThought,
  { upTo = episode.steps.length, over = true }: { upTo?: number; over?: boolean } = {},
): Promise<EpisodeProgress> {
  const { own, episode: played } = ownEpisode(config, episode);
  const game = gameByName(own.environment.name);
  const options = game.parseOptions(own.environment.options);
  const { steps, states } = played;
  const judges = algorithmOf(config).judges && correctsAt(config, environmentOf(episode.states[0]));
  const sources: (VerdictSource | null)[] = [...soFar.sources];
  const judgeable = steps.slice(0, upTo).map(({ thought, reward }, step) => ({
    wellFormed: thought !== null,
    failed: reward === game.cut.reward,
    formulaAfter: game.cut.formula(states[step + 1]),
  }));
  const judgement = await correctEpisode<Verdict>(
    judgeable,
    (step, target) => {
      if (!judges || !isJudged(config, iteration, episode.episode, step)) return null;
      const { thought, action } = steps[step];
      return judge(
        { environment: game.fromState(states[step], options), thought: thought!, action, target },
        step,
      ).then((answer) => {
        if (answer === LATER) return LATER;
        sources[step] = answer.source;
        return answer.verdict;
      });
    },
    { cut: algorithmOf(config).cuts && config.corrector.cut, soFar: soFar.verdicts },
  );
  const done = judgement.cut || (judgement.done && over && upTo >= steps.length);
  return { ...judgement, done, sources: judgement.verdicts.map((_, step) => sources[step] ?? null) };
}

/** The seeded choice for `corrector.judgedShare`. */
function isJudged({ seed, corrector }: RunConfig, iteration: number, episode: number, step: number): boolean {
  return (
    corrector.judgedShare === 1 ||
    new RandomStream({ seed, purpose: 'judged', iteration, episode, step }).uniform() < corrector.judgedShare
  );
}
