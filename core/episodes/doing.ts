/** What an activity is doing, for its heartbeats, `gtr watch` and Temporal's Web UI. */

/**
 * `done` of `all`: optimizer steps or episodes. `secondsLeft`: for this activity. `toldSecondsAgo`: age of this report.
 * `interruptionSeconds`: the most work that an interruption costs, in addition to the current step.
 */
export type Doing = {
  doing?: string;
  done?: number;
  all?: number;
  loss?: number;
  tokensPerSecond?: number;
  secondsLeft?: number;
  toldSecondsAgo?: number;
  interruptionSeconds?: number;
};

/** Seconds of work whose possible loss is not worth mentioning. */
const WORTH_A_WORD = 60;

/** One line of text. */
export function doingText(doing: Doing): string {
  const { loss, tokensPerSecond, secondsLeft, toldSecondsAgo, interruptionSeconds = 0 } = doing;
  return [
    `${doing.doing ?? 'at work'}${toldSecondsAgo === undefined ? '' : ` (${duration(toldSecondsAgo)} ago)`}`,
    ...(loss === undefined ? [] : [`loss ${loss}`]),
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond} tokens/s`]),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left at most`]),
    ...(interruptionSeconds < WORTH_A_WORD ? [] : [`an interruption costs up to ${duration(interruptionSeconds)}`]),
  ].join(', ');
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
