/** A rehearsal server in this process, at the address of OPENAI_BASE_URL. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { loadCorrectorPrompt } from '../../core/corrector/corrector-prompt.ts';
import type { FaultRule } from '../../core/corrector/rehearsal/faults.ts';
import { rehearsalServer } from '../../core/corrector/rehearsal/server.ts';

/** Runs `play` while the server answers for the environments named by `prompts`. */
export async function rehearse(
  prompts: readonly string[],
  faults: FaultRule[],
  play: () => Promise<void>,
): Promise<void> {
  const server = rehearsalServer({
    prompts: prompts.map((name) => loadCorrectorPrompt(name)),
    latency: [0, 0],
    faults,
    log: null,
    key: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    toolRounds: 0,
    models: [],
    cardFaces: null,
    seed: 1,
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env.OPENAI_BASE_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  try {
    await play();
  } finally {
    delete process.env.OPENAI_BASE_URL;
    server.closeAllConnections();
    server.close();
  }
}
