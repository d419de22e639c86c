/** External trackers for a run's curves. Pure values; core/tracking/ has the protocols. */

export const TRACKERS = {
  none: { summary: 'nowhere else' },
  mlflow: { summary: 'an MLflow server, at MLFLOW_TRACKING_URI' },
  trackio: { summary: 'a Trackio server, at TRACKIO_SERVER_URL' },
  wandb: { summary: 'an offline run of Weights & Biases, which `wandb sync` uploads' },
} as const satisfies Readonly<Record<string, { summary: string }>>;

/** A tracker other than `none`. */
export type TrackerName = Exclude<keyof typeof TRACKERS, 'none'>;
