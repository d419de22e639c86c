/**
 * Records the histories of the current workflows for the replay test: `sh scripts/node.sh test/histories/record.ts`.
 * Activities are stand-ins, workflows and server are real.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { startServer, withStandIns } from '../workflows/stand-ins.ts';

const MODEL = { base: 'models/points24-tiny', prompt: 'points24-tiny' };
const config = (envSteps: number, changes: object = {}) =>
  parseConfig(
    runConfigSchema,
    { environment: { name: 'points24' }, model: MODEL, envSteps, evaluation: { everyIterations: 2 }, ...changes },
    'recording',
  );
const sftConfig = { environment: { name: 'points24' }, model: MODEL, demonstrations: { count: 6400 } };

/** One run of each kind: its type, its arguments, and how it is steered. */
const RUNS: readonly {
  id: string;
  type: string;
  args: unknown[];
  steer?: (handle: WorkflowHandle) => Promise<unknown>;
}[] = [
  { id: 'trained', type: 'train', args: [config(2 * 1024)] },
  { id: 'continued', type: 'train', args: [config(11 * 1024, { evaluation: { episodes: 0 } })] },
  { id: 'paid', type: 'train', args: [config(1024, { corrector: { teacher: 'openai', budgetUsd: 100 } })] },
  {
    id: 'steered',
    type: 'train',
    args: [config(4 * 1024)],
    steer: async (handle) => {
      await handle.signal('pause');
      await handle.executeUpdate('set', { args: [{ 'optimizer.lr': 5e-6, envSteps: 3072 }] });
      await handle.signal('resume');
      await handle.signal('stop', 'finish');
    },
  },
  { id: 'warm-start', type: 'sft', args: [{ config: sftConfig, out: 'models/new' }] },
  { id: 'evaluated', type: 'evaluate', args: [{ config: config(1024), policy: null }] },
];
/** Of a long run: iterations that are like others are left out. */
const LIKE_OTHERS = /^continued\//;

const folder = path.join(import.meta.dirname, packageJson.version);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const server = await startServer();
let count = 0;
for (const { id, type, args, steer } of RUNS) {
  await withStandIns(server, id, { keptPerWave: 512, thoughtsPerEpisode: 2, parts: 2 }, async () => {
    const handle = await server.client.workflow.start(type, { workflowId: id, taskQueue: id, args });
    await steer?.(handle);
    await handle.result();
    for await (const execution of server.client.workflow.list({ query: `RootWorkflowId = "${id}"` })) {
      if (LIKE_OTHERS.test(execution.workflowId)) continue;
      const history = nameless(
        await server.client.workflow.getHandle(execution.workflowId, execution.runId).fetchHistory(),
      );
      const name = `${String(count++).padStart(2, '0')}-${execution.type}-${execution.workflowId.replaceAll('/', '.')}`;
      writeFileSync(
        path.join(folder, `${name}.history.gz`),
        gzipSync(proto.temporal.api.history.v1.History.encode(history).finish(), { level: 9 }),
      );
    }
  });
}
await server.stop();
process.stdout.write(`${count} histories in ${folder}\n`);
process.exit(0);

/** The same without the name of this machine, which is part of workers' identities. */
function nameless<T>(message: T): T {
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return message;
  for (const [key, value] of Object.entries(message))
    (message as Record<string, unknown>)[key] =
      typeof value === 'string' ? value.replaceAll(hostname(), 'recorder') : nameless(value);
  return message;
}
