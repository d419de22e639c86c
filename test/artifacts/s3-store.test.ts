/** The S3 store over a network that fails: a real server behind a proxy that answers in its place. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { openStore } from '../../core/artifacts/open-store.ts';
import { S3Store } from '../../core/artifacts/s3-store.ts';
import { BUCKET, CREDENTIALS, type S3Server, startS3Server } from './s3-server.ts';

let server: S3Server;
let proxy: Server;
/** Answers that the proxy gives before it lets requests through. */
let answers: { status: number; code: string }[] = [];
let requests: string[] = [];
/** Their `If-None-Match`. */
let conditions: (string | undefined)[] = [];

test.before(async () => {
  server = await startS3Server();
  proxy = createServer((incoming, outgoing) => {
    requests.push(incoming.method!);
    conditions.push(incoming.headers['if-none-match']);
    const answer = answers.shift();
    if (answer !== undefined) {
      incoming.resume();
      outgoing
        .writeHead(answer.status, { 'content-type': 'application/xml' })
        .end(`<?xml version="1.0"?><Error><Code>${answer.code}</Code><Message>as the test asked</Message></Error>`);
      return;
    }
    const { method, url, headers } = incoming;
    incoming.pipe(
      request(new URL(url!, server.endpoint), { method, headers }, (response) =>
        response.pipe(outgoing.writeHead(response.statusCode!, response.headers)),
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  Object.assign(process.env, CREDENTIALS, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  });
});
test.after.always(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await server?.stop();
});

const hello = new TextEncoder().encode('hello');
const store = () => new S3Store(`s3://${BUCKET}/runs`);
const answering = (...list: typeof answers) => {
  answers = list;
  [requests, conditions] = [[], []];
};

test.serial('transient errors are tried again, a few times', async (t) => {
  answering({ status: 503, code: 'SlowDown' }, { status: 500, code: 'InternalError' });
  const ref = await store().put('note', hello);
  t.deepEqual(requests, ['PUT', 'PUT', 'PUT']);
  answering({ status: 503, code: 'SlowDown' });
  t.deepEqual(Buffer.from(await store().get(ref)).toString(), 'hello');
  answering(...Array.from({ length: 9 }, () => ({ status: 503, code: 'SlowDown' })));
  await t.throwsAsync(store().get(ref), {
    name: 'Error',
    message:
      /^s3:\/\/gtr-test\/runs: cannot read 2c\/2cf24.* \(SlowDown 503: as the test asked\); check that the server answers/,
  });
  t.is(requests.length, 4);
});

test.serial('a record is created by a conditional write, where the server knows it', async (t) => {
  answering({ status: 412, code: 'PreconditionFailed' });
  t.false(await store().createRecord('first', 1));
  t.deepEqual(conditions, ['*']);
  answering({ status: 409, code: 'ConditionalRequestConflict' });
  t.false(await store().createRecord('first', 1));
  answering({ status: 501, code: 'NotImplemented' });
  t.true(await store().createRecord('first', 2));
  t.deepEqual(conditions, ['*', undefined]);
  t.is(await store().getRecord('first'), 2);
  answering({ status: 403, code: 'AccessDenied' });
  await t.throwsAsync(store().createRecord('first', 3), { message: /cannot create .*AccessDenied 403.*; allow these/ });
});

test.serial('an error that retrying cannot fix is reported at once, with a remedy', async (t) => {
  answering({ status: 403, code: 'AccessDenied' });
  await t.throwsAsync(store().put('note', hello), {
    message:
      /^s3:\/\/gtr-test\/runs: cannot write 2c\/.* \(AccessDenied 403: as the test asked\); allow these credentials to/,
  });
  t.is(requests.length, 1);
  answering();
  await t.throwsAsync(new S3Store('s3://nothing-there').put('note', hello), {
    message:
      /^s3:\/\/nothing-there: cannot write .*NoSuchBucket 404.*; create the bucket, or name another in GTR_STORE/,
  });
  t.is(requests.length, 1);
});

test.serial('the bucket itself can be the store', async (t) => {
  answering();
  const whole = new S3Store(`s3://${BUCKET}`);
  const ref = await whole.put('note', hello);
  t.true(await whole.has(ref));
  t.deepEqual(
    (await Array.fromAsync(whole.list())).map(({ sha256 }) => sha256),
    [ref.sha256],
  ); // what lies under runs/ is another store's
});

test('GTR_STORE names a bucket or a folder', (t) => {
  t.is(openStore('s3://bucket/prefix').location, 's3://bucket/prefix');
  t.is(openStore('/tmp/artifacts').location, '/tmp/artifacts');
  t.throws(() => openStore('gs://bucket'), {
    message: 'GTR_STORE=gs://bucket: must be s3://bucket/prefix or a folder',
  });
});
