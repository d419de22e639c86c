/** Games behind OpenEnv servers (docs/environments.md). */
import { parseConfig } from '../../../configs/schema.ts';
import { RandomStream } from '../../random/counter.ts';
import { type Game, outcomeByReward } from '../env.ts';
import { EnvironmentError } from '../plug-in.ts';
import { readNamedAction } from '../read-action.ts';
import { type OpenEnvOptions, optionsSchema, serversOf } from './options.ts';
import { type OpenEnvState, SeenEpisode, ServedEnvironment } from './served-environment.ts';
import { faultsOf, schemaOf } from './server-schema.ts';

export const openenv: Game<OpenEnvOptions> = {
  name: 'openenv',
  parseOptions: (options) => parseConfig(optionsSchema, options, 'environment.options (openenv)'),
  async check(options) {
    const found = await Promise.all(
      serversOf(options).map(async (server) => {
        try {
          const schema = await schemaOf(server, options.timeoutSeconds);
          if (schema === null) return { notes: [`${server}: reachable, without a schema`], faults: [] };
          return { notes: [`${server}: reachable, with a schema`], faults: faultsOf(server, schema, options) };
        } catch (error) {
          return {
            notes: [],
            faults: [`environment.options.url: ${(error as Error).message}; start it before the run.`],
          };
        }
      }),
    );
    return { notes: found.flatMap(({ notes }) => notes), faults: found.flatMap(({ faults }) => faults) };
  },
  start: () => {
    throw new EnvironmentError('openenv: its episodes begin on servers, but a game in this process is needed here.');
  },
  fromState: (state, options) => new LookedAtEnvironment(state as OpenEnvState, options),
  remote: {
    start: async ({ seed, episode }, options) => {
      const drawn = new RandomStream({ seed, purpose: 'openenv seed', episode }).uint32() >>> 1;
      const environment = new ServedEnvironment(options, drawn);
      await environment.begin();
      return environment;
    },
    resume: async (state, options) => {
      const { seed } = state as OpenEnvState;
      const environment = new ServedEnvironment(options, seed);
      await environment.takeUp(state as OpenEnvState);
      return environment;
    },
  },
  cut: { reward: null, formula: () => null },
  outcome: (_, reward) => outcomeByReward(reward),
  readAction: (text, legalActions, options) => readNamedAction(text, legalActions, options?.freeText),
};

/** An episode of an earlier session, which can only be observed. */
class LookedAtEnvironment extends SeenEpisode {
  step(): never {
    throw new Error('openenv: an episode made from a state can only be observed.');
  }
}
