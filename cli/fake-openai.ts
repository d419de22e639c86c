/** `gtr fake-openai`: a server for rehearsing paid correction, including faults, without paying. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { parseConfig } from '../configs/schema.ts';
import { type CorrectorPrompt, CORRECTOR_PROMPTS, loadCorrectorPrompt } from '../core/corrector/corrector-prompt.ts';
import { FAULTS, faultsSchema } from '../core/corrector/rehearsal/faults.ts';
import { rehearsalServer } from '../core/corrector/rehearsal/server.ts';
import { namedEnvironment } from './environment-to-check.ts';
import { UsageError } from './errors.ts';
import { collect } from './train.ts';

type Options = {
  port: string;
  latency: string;
  faults?: string;
  log?: string;
  key?: string;
  rpm?: string;
  tpm?: string;
  toolRounds: string;
  prompt: string[];
  environment: string[];
  model: string[];
  cardFaces?: string;
  seed: string;
};

export function register(program: Command): void {
  program
    .command('fake-openai')
    .description(
      "a server that speaks OpenAI's chat completions and judges thoughts in its games: to rehearse a run " +
        'with corrector.teacher=openai without paying',
    )
    .option('--port <n>', 'port on 127.0.0.1; 0: any free one', '8080')
    .option('--latency <seconds>', 'how long answers take, e.g. 12.6 or 8-17', '0')
    .option(
      '--faults <file>',
      'JSON file of scripted faults (docs/corrector.md); they can be replaced while it runs by POST /faults',
    )
    .option('--log <file>', 'a JSON line for every request; an existing file is overwritten')
    .option('--key <key>', 'the only accepted API key; default: any')
    .option('--rpm <n>', 'requests per minute of the account, enforced')
    .option('--tpm <n>', 'tokens per minute of the account, enforced')
    .option('--tool-rounds <n>', 'how often a judgement of Points24 calls the solver before it answers', '1')
    .option('--model <name>', 'a model that it has; it refuses others; default: any', collect, [])
    .option(
      '--prompt <file>',
      'another wording of corrector requests to understand (corrector.openai.prompt)',
      collect,
      [],
    )
    .option('--environment <name>', 'the module of your own game, with `correctorPrompt` and `readState`', collect, [])
    .option('--card-faces <folder>', 'the card pictures that the games show (environment.options.cardFaces)')
    .option('--seed <n>', 'seed of drawn latencies and faults', '1')
    .addHelpText(
      'after',
      `\nFaults:\n${Object.entries(FAULTS)
        .map(([name, meaning]) => `  ${name.padEnd(20)} ${meaning}`)
        .join('\n')}`,
    )
    .action(async (options: Options) => {
      const server = rehearsalServer({
        prompts: [
          ...options.prompt.map(promptFrom),
          ...[...options.environment.map(namedEnvironment), ...CORRECTOR_PROMPTS].map((name) =>
            loadCorrectorPrompt(name),
          ),
        ],
        latency: latencyOf(options.latency),
        faults:
          options.faults === undefined
            ? []
            : parseConfig(faultsSchema, readJson(options.faults, '--faults'), options.faults),
        log: options.log ?? null,
        key: options.key ?? null,
        requestsPerMinute: options.rpm === undefined ? null : count(options.rpm, '--rpm', 1),
        tokensPerMinute: options.tpm === undefined ? null : count(options.tpm, '--tpm', 1),
        toolRounds: count(options.toolRounds, '--tool-rounds', 0),
        models: options.model,
        cardFaces: options.cardFaces ?? null,
        seed: count(options.seed, '--seed', 0),
      });
      if (options.log !== undefined) writeFileSync(options.log, '');
      await new Promise<void>((resolve, reject) => {
        server.on('error', (error: NodeJS.ErrnoException) =>
          reject(
            error.code === 'EADDRINUSE'
              ? new UsageError(`--port ${options.port}: is taken; name another one, or 0 for any.`)
              : error,
          ),
        );
        server.listen(count(options.port, '--port', 0, 65_535), '127.0.0.1', resolve);
      });
      const { port } = server.address() as AddressInfo;
      process.stdout.write(
        `rehearsal server at http://127.0.0.1:${port}/v1; for the corrector worker: ` +
          `OPENAI_BASE_URL=http://127.0.0.1:${port}/v1 OPENAI_API_KEY=${options.key ?? 'any'}\n`,
      );
      await new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      });
      server.closeAllConnections();
      server.close();
    });
}

function promptFrom(file: string): CorrectorPrompt {
  const { environment } = readJson(file, '--prompt') as { environment?: unknown };
  if (typeof environment !== 'string')
    throw new UsageError(`--prompt ${file}: names no environment; use a file like those in core/corrector/prompts.`);
  return loadCorrectorPrompt(environment, file.includes('/') ? file : `./${file}`);
}

function readJson(file: string, option: string): unknown {
  if (!existsSync(file)) throw new UsageError(`${option} ${file}: there is no such file.`);
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${option} ${file}: is not JSON (${(error as Error).message}).`);
  }
}

function latencyOf(text: string): [number, number] {
  const [, from, to = from] = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  if (from === undefined || Number(to) < Number(from))
    throw new UsageError(`--latency ${text}: must be seconds like 12.6, or a range like 8-17.`);
  return [Number(from), Number(to)];
}

function count(text: string, option: string, least: number, most = Infinity): number {
  if (!/^\d+$/.test(text) || Number(text) < least)
    throw new UsageError(`${option} ${text}: must be a whole number, ${least} or more.`);
  if (Number(text) > most) throw new UsageError(`${option} ${text}: must be at most ${most}.`);
  return Number(text);
}
