/** Trackers by name, set up by the environment variables that their own tools read. */
import path from 'node:path';
import type { TrackerName } from '../../configs/trackers.ts';
import { Mlflow } from './mlflow.ts';
import { type Tracker, TrackerError } from './tracker.ts';
import { Trackio } from './trackio.ts';
import { Wandb } from './wandb.ts';

/** The default project name at a tracker. */
const PROJECT_NAME = 'durable-gtr';

const OPEN: Readonly<Record<TrackerName, (env: NodeJS.ProcessEnv, home: string) => Tracker>> = {
  mlflow: (env) =>
    new Mlflow({
      address: addressOf(env, 'MLFLOW_TRACKING_URI'),
      experimentName: env.MLFLOW_EXPERIMENT_NAME || PROJECT_NAME,
      headers: mlflowHeaders(env),
    }),
  trackio: (env) => {
    const address = addressOf(env, 'TRACKIO_SERVER_URL');
    return new Trackio({
      address,
      project: env.TRACKIO_PROJECT || PROJECT_NAME,
      token: new URL(address).searchParams.get('write_token') ?? (env.TRACKIO_WRITE_TOKEN || null),
      hfToken: env.HF_TOKEN || null,
    });
  },
  wandb: (env, home) =>
    new Wandb({
      folder: path.join(env.WANDB_DIR || home, 'wandb'),
      project: env.WANDB_PROJECT || PROJECT_NAME,
      entity: env.WANDB_ENTITY || null,
    }),
};

/** Throws `TrackerError` where the environment does not say where it is. */
export function openTracker(name: TrackerName, env: NodeJS.ProcessEnv, home: string): Tracker {
  return OPEN[name](env, home);
}

function addressOf(env: NodeJS.ProcessEnv, variable: string): string {
  const address = env[variable];
  if (!address) throw new TrackerError(`${variable} is not set; give it the server's address.`);
  if (!/^https?:\/\//.test(address) || !URL.canParse(address))
    throw new TrackerError(`${variable}: ${address} is not an address such as http://localhost:5000.`);
  return address;
}

/** As in MLflow's own client: a token, or a user with a password, also in the address. */
function mlflowHeaders(env: NodeJS.ProcessEnv): Record<string, string> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_URI = '' } = env;
  if (token) return { authorization: `Bearer ${token}` };
  const { username, password } = URL.canParse(MLFLOW_TRACKING_URI)
    ? new URL(MLFLOW_TRACKING_URI)
    : { username: '', password: '' };
  const user = env.MLFLOW_TRACKING_USERNAME || decodeURIComponent(username);
  const secret = env.MLFLOW_TRACKING_PASSWORD || decodeURIComponent(password);
  return user === '' ? {} : { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
}
