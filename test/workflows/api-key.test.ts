/**
 * Workers and verbs reach a server that asks for an API key, as Temporal Cloud does, by `TEMPORAL_API_KEY` alone;
 * another key is refused in one sentence.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { WORKER_ROLES } from '../../cli/supervisor.ts';
import { temporalConfig } from '../../workers/installation.ts';
import { type Gateway, openGateway } from './api-key-gateway.ts';
import { gtr } from '../cli/gtr.ts';
import { type Installation, SMALLEST, startInstallation } from '../../bench/harness/installation.ts';

const file = (name: string) => path.join(import.meta.dirname, 'certificates', name);
const API_KEY = 'a-key-of-the-account';

let installation: Installation;
let gateway: Gateway;
test.before(async () => {
  installation = await startInstallation({ roles: [] });
  gateway = await openGateway({
    target: temporalConfig().address,
    apiKey: API_KEY,
    key: readFileSync(file('server.key')),
    cert: readFileSync(file('server.pem')),
  });
  // No TEMPORAL_TLS: a key alone turns it on. The authority is the test's own, so it has to be named.
  Object.assign(process.env, {
    TEMPORAL_ADDRESS: `127.0.0.1:${gateway.port}`,
    TEMPORAL_API_KEY: API_KEY,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('authority.pem'),
    TEMPORAL_TLS_SERVER_NAME: 'localhost',
  });
  await Promise.all(WORKER_ROLES.map((role) => installation.supervisor.startWorker(role)));
});
test.after.always(async () => {
  await installation?.stop();
  gateway?.close();
});

test.serial('a run with an API key: workers, train, watch, result', async (t) => {
  t.like(await gtr(['train', '--config', 'smoke', ...SMALLEST, '--id', 'keyed', '--wait']), { code: 0, err: '' });
  t.like(await gtr(['watch', 'keyed']), { code: 0, err: '' });
  t.regex((await gtr(['result', 'keyed', '--json'])).out, /"status": "done"/);
  t.true(gateway.namespaces.has('default'));
});

test.serial('another key, or none, is refused in one sentence', async (t) => {
  for (const key of ['another', undefined]) {
    const { code, err } = await gtr(['result', 'keyed'], { env: { TEMPORAL_API_KEY: key } });
    t.is(code, 2);
    t.regex(err, /^gtr: The Temporal server at 127\.0\.0\.1:\d+ refuses .*TEMPORAL_API_KEY.*\.$/);
    t.false(err.includes('\n'));
  }
});
