import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { problemOf } from '../../core/corrector/openai-client.ts';
import { type RehearsalProcess, startRehearsal } from '../../bench/harness/rehearsal.ts';

const { openai } = readConfig(runConfigSchema, 'smoke', ['corrector.openai.timeoutSeconds=5']).corrector;
const azure = { deployment: 'own-name', apiVersion: '2024-10-21' };

let server: RehearsalProcess;
test.before(async () => {
  server = await startRehearsal({ args: ['--key', 'right', '--model', 'gpt-4o'], faults: [{ fault: 'quota' }] });
});
test.after.always(() => server?.stop());

const problem = async (environment: Record<string, string>, settings: Partial<typeof openai> = {}) => {
  const found = await problemOf({ ...openai, ...settings }, environment);
  return found && [found.kind, found.message];
};

test('a server that has the model and accepts the key passes the check without a question', async (t) => {
  t.is(await problem({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'right' }), null);
  t.is(
    await problem({ AZURE_OPENAI_ENDPOINT: server.url.replace('/v1', ''), AZURE_OPENAI_API_KEY: 'right' }, { azure }),
    null,
  );
  t.deepEqual(server.log(), []);
});

test('a wrong key, model or address is one sentence each', async (t) => {
  t.deepEqual(await problem({}), [
    'unauthorized',
    "OPENAI_API_KEY is not set in the corrector worker's environment; set it, or OPENAI_BASE_URL for a server that " +
      'needs no key.',
  ]);
  t.deepEqual(await problem({ OPENAI_BASE_URL: '127.0.0.1:8000/v1' }), [
    'unauthorized',
    "OPENAI_BASE_URL in the corrector worker's environment is not an address such as http://127.0.0.1:8000/v1.",
  ]);
  t.deepEqual(
    await problem({ AZURE_OPENAI_ENDPOINT: 'mine.openai.azure.com', AZURE_OPENAI_API_KEY: 'right' }, { azure }),
    [
      'unauthorized',
      "AZURE_OPENAI_ENDPOINT in the corrector worker's environment is not an address such as " +
        'https://NAME.openai.azure.com.',
    ],
  );
  t.deepEqual(await problem({ AZURE_OPENAI_ENDPOINT: server.url }, { azure }), [
    'unauthorized',
    'AZURE_OPENAI_API_KEY is not set; the corrector worker needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in ' +
      'its environment.',
  ]);
  t.deepEqual(await problem({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'wrong' }), [
    'unauthorized',
    "The corrector's server answered 401: Incorrect API key provided; put a valid key into the corrector worker's " +
      'environment and start the worker again.',
  ]);
  t.deepEqual(await problem({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'right' }, { model: 'gpt-9' }), [
    'notFound',
    "The corrector's server answered 404: The model `gpt-9` does not exist or you do not have access to it; check " +
      "corrector.openai.model and the server's address.",
  ]);
  const elsewhere = await problem({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
  t.is(elsewhere?.[0], 'connection');
  t.regex(elsewhere![1], /^The corrector's server cannot be reached or broke off: .*\.$/);
});
