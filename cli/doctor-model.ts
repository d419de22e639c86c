/**
 * `gtr doctor --model`: what a checkpoint is, which parts are unsupported, and whether a run on it fits into this
 * machine.
 */
import path from 'node:path';
import { elements } from '../core/graph/tensor.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { openWordings } from '../core/policy/agent-parts.ts';
import { type Checkpoint, openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import type { Picture } from '../core/policy/families/model-family.ts';
import { familyOf } from '../core/policy/families/registry.ts';
import { describePictures, type LongestPrompt, longestPrompt } from '../core/policy/longest-prompt.ts';
import { gibibytes, misfit, type ModelFit, modelFit } from '../core/policy/model-fit.ts';
import { tooLong } from '../core/policy/positions.ts';
import { loadTokenizer } from '../core/policy/tokenizer.ts';
import { trainedParameters } from '../core/policy/trained-parameters.ts';
import { activityDependencies } from '../workers/installation.ts';
import { readConfig } from './config-file.ts';
import { type Disk, diskMisfit, diskOfRun, diskText } from '../core/records/run-disk.ts';
import type { Finding } from './doctor.ts';

/** The prompt if no configuration names a template: that of the paper's Points24. */
const WORDS_OF_A_PROMPT = 200;

/**
 * Findings on the checkpoint in `folder`, as a run of the configuration would use it; without one: LoRA with the
 * paper's numbers.
 */
export async function examineModel(
  folder: string,
  configFile: string | undefined,
  changes: readonly string[],
): Promise<Finding[]> {
  const base = path.resolve(folder);
  const named =
    configFile === undefined ? null : readConfig(runConfigSchema, configFile, [...changes, `model.base=${base}`]);
  const adapter = named?.model.adapter ?? null;
  const opened = look(
    'Model',
    () => openCheckpoint(base, adapter === null ? null : modelFolder(adapter)),
    describeModel,
  );
  if (opened.value === null) return [opened.finding];
  const checkpoint = opened.value;
  const config = named ?? defaultsFor(base, checkpoint);
  const drawn = { width: config.model.imageSize, height: config.model.imageSize };
  const images = look(
    'Images',
    () => drawnPicture(base, checkpoint, config.model.imageSize),
    (picture) => describePictures(checkpoint.config, [{ ...drawn, ...picture }]),
  );
  const parts = [
    look(
      'Parameters',
      () => checkpoint,
      (model) => describeParameters(model, config),
    ),
    look(
      'Tokenizer',
      () => loadTokenizer(base),
      (tokenizer) =>
        `a response ends with token ${checkpoint.config.text.eosTokenIds.join(' or ')}; ` +
        `${tokenizer.hasChatTemplate ? 'chat template of the checkpoint' : 'no chat template: prompts are used as they are'}`,
    ),
    images,
  ].map(({ finding }) => finding);
  if (images.value === null || (named !== null && parts.some(({ ok }) => !ok))) return [opened.finding, ...parts];
  const prompt = named === null ? plainPrompt(checkpoint, images.value) : await playedPrompt(config);
  const device = await chooseDevice(config.engine).catch((error: Error) => error);
  if (device instanceof Error)
    return [opened.finding, ...parts, { name: 'Device', ok: false, needed: true, found: device.message, mend: null }];
  return [
    opened.finding,
    ...parts,
    ...positionFindings(checkpoint, prompt.tokens, named),
    ...memoryFindings(modelFit(checkpoint, config, prompt, device), config),
    diskFinding(diskOfRun(config, activityDependencies().store, checkpoint)),
  ];
}

/** LoRA with the paper's numbers, or with those of the checkpoint's adapter. */
function defaultsFor(base: string, { adapter }: Checkpoint): RunConfig {
  const { rank, alpha } = adapter ?? {};
  return parseConfig(
    runConfigSchema,
    {
      environment: { name: 'points24' },
      model: { base, prompt: 'points24-tiny', train: { kind: 'lora', rank, alpha } },
    },
    'the defaults',
  );
}

/** A black picture as a run would show it to the model. */
function drawnPicture(folder: string, { config }: Checkpoint, size: number): Picture {
  const black = { width: size, height: size, data: new Uint8Array(3 * size ** 2) };
  return familyOf(config).loadPreprocessor(folder, config)(black);
}

function plainPrompt({ config }: Checkpoint, { grid }: Picture): LongestPrompt {
  const family = familyOf(config);
  return {
    tokens: family.imageTokens(config, grid) + WORDS_OF_A_PROMPT,
    pictureParts: family.pictureParts(config, grid),
  };
}

function describeModel({ config, adapter, valueHead, files }: Checkpoint): string {
  const beside = [
    ...(adapter === null ? [] : [`an adapter of rank ${adapter.rank}`]),
    ...(valueHead === null ? [] : ['a value head']),
  ];
  return (
    `${familyOf(config).describe(config)}${beside.length === 0 ? '' : `; with ${beside.join(' and ')}`} ` +
    `(${files.length} files)`
  );
}

function describeParameters(checkpoint: Checkpoint, { model }: RunConfig): string {
  const locations = [...checkpoint.parameters.values()];
  const total = (shapes: readonly { shape: readonly number[] }[]) =>
    shapes.reduce((sum, { shape }) => sum + elements(shape), 0);
  const types = [...new Set(locations.map(({ dtype }) => dtype))].join(' and ');
  const trained = total(trainedParameters(checkpoint, model.train, model.valueHead));
  return (
    `${total(locations).toLocaleString('en')} in all ` +
    `(${gibibytes(locations.reduce((sum, { byteLength }) => sum + byteLength, 0))} of ${types}, left in their ` +
    `files); ${trained.toLocaleString('en')} trained ` +
    `(${model.train.kind === 'all' ? 'everything' : `LoRA r ${model.train.rank}`} and the value head)`
  );
}

async function playedPrompt(config: RunConfig): Promise<LongestPrompt> {
  return await longestPrompt(openWordings(config, modelFolder), config);
}

/** Prompts and responses longer than the model's positions; without a configuration the length is unknown. */
function positionFindings({ config: { text } }: Checkpoint, promptTokens: number, named: RunConfig | null): Finding[] {
  const problem = named === null ? null : tooLong(text, promptTokens, named.rollout.maxNewTokens);
  if (problem === null) return [];
  const mend = 'lower rollout.maxNewTokens, shorten the prompt template, or use another model';
  return [{ name: 'Positions', ok: false, needed: true, found: problem, mend }];
}

function memoryFindings(fit: ModelFit, config: RunConfig): Finding[] {
  const {
    plan: { sampling, updating, optimizer, host, device },
    limits,
    prompt,
    rowsPerShard,
  } = fit;
  const { engine, rollout } = config;
  const where = device > 0 ? 'GPU' : 'memory';
  const cost = ({ stored, inputs, outputs, activations }: typeof updating, prepacked = 0) =>
    `${gibibytes(stored)} of weights${prepacked === 0 ? '' : `, ${gibibytes(prepacked)} reordered`}, ` +
    `${gibibytes(inputs + outputs)} fed and received, ${gibibytes(activations)} of activations`;
  const known = (name: string, found: string): Finding => ({ name, ok: true, needed: true, found, mend: null });
  const reason = misfit(fit, config);
  const has = (limit: number | null) => (limit === null ? 'not known' : gibibytes(limit));
  return [
    known(
      'Sampling',
      `${engine.rowsPerSample} rows of ${prompt.tokens} + ${rollout.maxNewTokens} tokens: ` +
        `${cost(sampling, sampling.prepacked)}`,
    ),
    known(
      'Updating',
      `${rowsPerShard} rows of ${prompt.tokens} + ${rollout.maxNewTokens} ` +
        `tokens${engine.gradientCheckpointing ? ', layers recomputed' : ''}: ${cost(updating)}; ` +
        `${gibibytes(optimizer)} for gradients and Adam`,
    ),
    ...(fit.teacher === 0
      ? []
      : [known('Merged teacher', `${gibibytes(fit.teacher)} of whole matrices, ${engine.lanes + 2} times`)]),
    {
      name: 'Memory',
      ok: reason === null,
      needed: true,
      found:
        reason ??
        `${where}: about ${gibibytes(device > 0 ? device : host)} of ` +
          `${has(device > 0 ? limits.device : limits.host)}${device > 0 ? `; host: about ${gibibytes(host)} of ${has(limits.host)}` : ''} ` +
          `(${engine.lanes} lanes)`,
      mend: null,
    },
  ];
}

function diskFinding(disk: Disk): Finding {
  const reason = diskMisfit(disk);
  return { name: 'Disk', ok: reason === null, needed: true, found: reason ?? diskText(disk), mend: null };
}

/** A finding on the result of `open`; a failure names what is unsupported or missing. */
function look<T>(name: string, open: () => T, describe: (value: T) => string): { value: T | null; finding: Finding } {
  try {
    const value = open();
    return { value, finding: { name, ok: true, needed: true, found: describe(value), mend: null } };
  } catch (error) {
    return { value: null, finding: { name, ok: false, needed: true, found: (error as Error).message, mend: null } };
  }
}
