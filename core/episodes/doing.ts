/** What an activity is at: in its heartbeats, in `gtr watch`, in Temporal's Web UI. */

/** `done` of `all`: optimizer steps, or episodes. `secondsLeft`: of this activity. */
export type Doing = {
  doing?: string;
  done?: number;
  all?: number;
  loss?: number;
  tokensPerSecond?: number;
  secondsLeft?: number;
};

/** One line for people. */
export function doingText({ doing, loss, tokensPerSecond, secondsLeft }: Doing): string {
  return [
    doing ?? 'at work',
    ...(loss === undefined ? [] : [`loss ${loss}`]),
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond} tokens/s`]),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left at most`]),
  ].join(', ');
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
