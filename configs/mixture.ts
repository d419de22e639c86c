/** Runs that mix several environments (`environments`): each environment alone, the shares, and the curriculum. */
import type { Problem } from './config-rules.ts';
import type { MixedEnvironment } from './schema/environment.ts';
import type { RunConfig, SftConfig } from './schema.ts';

/** The fields of a configuration that say what is played. */
export type Played = {
  environment: RunConfig['environment'];
  environments?: RunConfig['environments'];
  rollout?: Partial<Pick<RunConfig['rollout'], 'curriculum'>>;
};

/** The name of an environment in metrics and reports: its label, or its game's name without folders. */
export function labelOf({ label, name }: Pick<MixedEnvironment, 'label' | 'name'>): string {
  return (
    label ??
    name
      .replace(/^.*[\\/]/, '')
      .replace(/\.[cm]?[jt]s$/, '')
      .replaceAll(/[^\w.-]/g, '-')
  );
}

/** The environment of a run, or all of them, in one word. */
export function playedName({ environment, environments }: Played): string {
  return environments === undefined ? environment.name : environments.map(labelOf).join('+');
}

/** Most steps of the longest episodes. */
export function mostEpisodeSteps({ environment, environments }: Played): number {
  return Math.max(...(environments ?? [environment]).map(({ maxEpisodeSteps }) => maxEpisodeSteps));
}

/** The configuration with only one environment of its mixture; unchanged without a mixture. */
export function ownConfig<C extends Played>(config: C, index: number): C {
  const { environments, ...rest } = config;
  if (environments === undefined) return config;
  const { name, options, maxEpisodeSteps, prompt, correctorPrompt, evaluation } = environments[index];
  const { model, evaluation: evaluated, corrector } = config as Partial<RunConfig>;
  return {
    ...rest,
    environment: { name, options, maxEpisodeSteps },
    ...(model === undefined ? {} : { model: { ...model, prompt } }),
    ...(evaluated === undefined ? {} : { evaluation: { ...evaluated, ...evaluation } }),
    ...(corrector === undefined
      ? {}
      : { corrector: { ...corrector, openai: { ...corrector.openai, prompt: correctorPrompt } } }),
  } as unknown as C;
}

/** Each environment of a run alone. */
export function ownConfigs<C extends Played>(config: C): C[] {
  return (config.environments ?? [0]).map((_, index) => ownConfig(config, index));
}

/** Whether thoughts of the environment at `index` are corrected, if the algorithm corrects any. */
export function correctsAt({ environments }: Pick<Played, 'environments'>, index: number): boolean {
  return environments?.[index].correct ?? true;
}

/** Options of a mixture: each game's options and its share of the episodes. */
export type MixedOptions = { members: { options: object; share: number }[] };

/**
 * The training deals as `Game.parseOptions` takes them; in a mixture only environments that the curriculum has reached.
 */
export function trainingDeals({ environment, environments, rollout }: Played): object {
  if (environments === undefined) return environment.options;
  const stage = rollout?.curriculum?.stage ?? environments.length;
  return {
    members: environments.map(({ options, share }, index) => ({ options, share: index < stage ? share : 0 })),
  } satisfies MixedOptions;
}

/** The curriculum after an iteration: the next environment joins when the newest is played well enough. */
export function afterIteration(config: RunConfig, metrics: Readonly<Record<string, number | null>>): RunConfig {
  const { environments = [], rollout } = config;
  const { curriculum } = rollout;
  if (curriculum === undefined || curriculum.stage >= environments.length) return config;
  const newest = labelOf(environments[curriculum.stage - 1]);
  const [episodes, success] = ['episode/count', 'episode/success'].map((name) => metrics[`${newest}/${name}`] ?? 0);
  if (episodes < curriculum.episodes || success < curriculum.success) return config;
  return { ...config, rollout: { ...rollout, curriculum: { ...curriculum, stage: curriculum.stage + 1 } } };
}

/** In a configuration that mixes environments, `environment` is the first of them and may be left out. */
export function withFirstEnvironment(config: unknown): unknown {
  const { environment, environments } = (config ?? {}) as { environment?: unknown; environments?: unknown };
  if (environments === undefined || (environment ?? null) !== null) return config;
  // Missing fields are reported for `environments`.
  const [first] = Array.isArray(environments) ? environments : [];
  const { name = '', options, maxEpisodeSteps } = (first ?? {}) as Record<string, unknown>;
  const given = Object.entries({ name, options, maxEpisodeSteps }).filter(([, value]) => value !== undefined);
  return { ...(config as object), environment: Object.fromEntries(given) };
}

/** Settings that cannot be combined with a mixture. */
export function mixtureProblems(config: RunConfig | SftConfig): Problem[] {
  const { environment, environments, model, evaluation } = config;
  const { rollout, corrector } = config as Partial<RunConfig>;
  const problems: Problem[] = [];
  const curriculum = rollout?.curriculum;
  if (curriculum !== undefined && curriculum.stage > (environments?.length ?? 0))
    problems.push({
      path: ['rollout', 'curriculum'],
      message: 'needs a list of `environments`, from easy to hard, of at least `stage`',
    });
  if (environments === undefined || environments.length === 0) return problems;
  const { name, options, maxEpisodeSteps } = environments[0];
  if (JSON.stringify(environment) !== JSON.stringify({ name, options, maxEpisodeSteps }))
    problems.push({ path: ['environment'], message: 'leave it out (or null): `environments` says what is played' });
  const labels = environments.map(labelOf);
  for (const [index, label] of labels.entries())
    if (labels.indexOf(label) < index)
      problems.push({
        path: ['environments', index, 'label'],
        message: `two environments are called ${label}; give one a label of its own`,
      });
  const elsewhere = (path: readonly string[], field: string, given: boolean) => {
    if (given) problems.push({ path, message: `give it for each of \`environments\` instead (${field})` });
  };
  elsewhere(['model', 'prompt'], 'prompt', model.prompt !== null);
  elsewhere(['evaluation', 'options'], 'evaluation.options', Object.keys(evaluation.options).length > 0);
  elsewhere(['evaluation', 'heldOut'], 'evaluation.heldOut', evaluation.heldOut !== null);
  elsewhere(['corrector', 'openai', 'prompt'], 'correctorPrompt', (corrector?.openai.prompt ?? null) !== null);
  return problems;
}
