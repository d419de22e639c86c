/**
 * Workers and verbs reach a cluster that asks for TLS on both sides by Temporal's own environment variables. The
 * embedded server speaks no TLS: a proxy does it for it, with certificates that are good for nothing else.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { createServer, type Server } from 'node:tls';
import test from 'ava';
import { temporalConfig } from '../../workers/installation.ts';
import { WORKER_ROLES } from '../../cli/supervisor.ts';
import { splitAddress } from '../../cli/temporal.ts';
import { gtr } from '../cli/gtr.ts';
import { type Installation, SMALLEST, startInstallation } from '../../bench/harness/installation.ts';

const file = (name: string) => path.join(import.meta.dirname, 'certificates', name);
const TLS = {
  TEMPORAL_TLS: 'true',
  TEMPORAL_TLS_SERVER_NAME: 'localhost',
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('authority.pem'),
  TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
  TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key'),
};

let installation: Installation;
let proxy: Server;
/** Connections of clients that showed a certificate of the authority. */
let welcomed = 0;
test.before(async () => {
  installation = await startInstallation({ roles: [] });
  const server = splitAddress(temporalConfig().address);
  proxy = createServer(
    {
      key: readFileSync(file('server.key')),
      cert: readFileSync(file('server.pem')),
      ca: readFileSync(file('authority.pem')),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    },
    (socket) => {
      welcomed++;
      const plain = connect(server);
      socket.on('error', () => plain.destroy()).pipe(plain);
      plain.on('error', () => socket.destroy()).pipe(socket);
    },
  );
  proxy.on('tlsClientError', () => {}); // refused: the client is told
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  Object.assign(process.env, TLS, { TEMPORAL_ADDRESS: `127.0.0.1:${(proxy.address() as AddressInfo).port}` });
  await Promise.all(WORKER_ROLES.map((role) => installation.supervisor.startWorker(role)));
});
test.after.always(async () => {
  await installation?.stop();
  proxy?.close();
});

test.serial('a run through TLS with client certificates: workers, train, watch, result, set', async (t) => {
  t.like(await gtr(['train', '--config', 'smoke', ...SMALLEST, '--id', 'secret', '--wait']), { code: 0, err: '' });
  t.true(welcomed >= WORKER_ROLES.length + 1, `${welcomed} connections`);
  t.like(await gtr(['watch', 'secret']), { code: 0, err: '' });
  t.regex((await gtr(['result', 'secret', '--json'])).out, /"status": "done"/);
  t.is((await gtr(['set', 'secret', 'envSteps=32'])).code, 2); // it is over: the server says so
});

test.serial('without TLS, or with a server that another authority vouches for, no server answers', async (t) => {
  const refused = /^gtr: No Temporal server answers at 127\.0\.0\.1:\d+; /;
  const plain = await gtr(['result', 'secret'], {
    env: Object.fromEntries(Object.keys(TLS).map((name) => [name, undefined])),
  });
  t.is(plain.code, 2);
  t.regex(plain.err, refused);
  const stranger = await gtr(['result', 'secret'], { env: { TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('client.pem') } });
  t.is(stranger.code, 2);
  t.regex(stranger.err, refused);
});
