/**
 * The connection to a server that speaks OpenAI's chat completions; keys and addresses come from the environment alone.
 */
import { createHash } from 'node:crypto';
import { AzureOpenAI, OpenAI } from 'openai';
import { z } from 'zod';
import type { RunConfig } from '../../configs/schema.ts';
import { isFromApi, noApi } from './completion.ts';
import { isWebPage, toTeacherError } from './openai-errors.ts';
import { TeacherError } from './teacher.ts';

export type OpenAIConnection = {
  client: OpenAI;
  /** Texts that no message may show. */
  secrets: string[];
};

type Settings = Pick<RunConfig['corrector']['openai'], 'azure'>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * OpenAI: OPENAI_API_KEY. A compatible server: OPENAI_BASE_URL, and OPENAI_API_KEY if it needs one. Azure:
 * AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY. Throws `TeacherError` (unauthorized) when a variable is not set or
 * not an address.
 */
export function connect({ azure }: Settings, environment: Environment = process.env): OpenAIConnection {
  // Temporal owns retries; the client's own would hide them from its history.
  const options = { maxRetries: 0, logLevel: 'off' } as const;
  const apiKey = environment[azure === null ? 'OPENAI_API_KEY' : 'AZURE_OPENAI_API_KEY'] || null;
  if (azure !== null) {
    const endpoint = environment.AZURE_OPENAI_ENDPOINT;
    if (!endpoint || apiKey === null)
      throw missing(
        `${endpoint ? 'AZURE_OPENAI_API_KEY' : 'AZURE_OPENAI_ENDPOINT'} is not set; the corrector worker needs ` +
          `AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in its environment.`,
      );
    if (!isAddress(endpoint))
      throw missing(
        "AZURE_OPENAI_ENDPOINT in the corrector worker's environment is not an address such as " +
          'https://NAME.openai.azure.com.',
      );
    return {
      client: new AzureOpenAI({
        ...options,
        endpoint,
        apiKey,
        apiVersion: azure.apiVersion,
        deployment: azure.deployment,
        baseURL: null,
      }),
      secrets: [apiKey],
    };
  }
  const baseURL = environment.OPENAI_BASE_URL || null;
  if (apiKey === null && baseURL === null)
    throw missing(
      "OPENAI_API_KEY is not set in the corrector worker's environment; set it, or OPENAI_BASE_URL for a server " +
        'that needs no key.',
    );
  if (baseURL !== null && !isAddress(baseURL))
    throw missing(
      "OPENAI_BASE_URL in the corrector worker's environment is not an address such as http://127.0.0.1:8000/v1.",
    );
  return {
    client: new OpenAI({ ...options, apiKey: apiKey ?? 'none', baseURL }),
    secrets: apiKey === null ? [] : [apiKey],
  };
}

const PATIENCE_MS = 5000;

/**
 * Names of the server's models; asking for them shows whether the server is reachable and accepts the key. Throws
 * `TeacherError`.
 */
export async function listModels(environment: Environment = process.env): Promise<string[]> {
  const { client, secrets } = connect({ azure: null }, environment);
  try {
    const { data } = z
      .object({ data: z.array(z.object({ id: z.string() })) })
      .parse(await client.models.list({ timeout: PATIENCE_MS }));
    return data.map(({ id }) => id);
  } catch (error) {
    throw error instanceof z.ZodError ? noApi() : toTeacherError(error, secrets);
  }
}

/**
 * Sends a request without a message. If the address, the key and the model (or deployment) are right, the server
 * refuses it for that reason, without charge. Returns any other reason for a refusal; null: none.
 */
export async function problemOf(
  settings: Settings & Pick<RunConfig['corrector']['openai'], 'model' | 'timeoutSeconds'>,
  environment: Environment = process.env,
): Promise<TeacherError | null> {
  let secrets: string[] = [];
  try {
    const connection = connect(settings, environment);
    ({ secrets } = connection);
    const body: unknown = await connection.client.chat.completions.create(
      { model: settings.model, messages: [] },
      { timeout: settings.timeoutSeconds * 1000 },
    );
    return isFromApi(body) ? null : noApi();
  } catch (error) {
    if (isWebPage(error)) return noApi();
    const problem = error instanceof TeacherError ? error : toTeacherError(error, secrets);
    return problem.kind === 'badRequest' || problem.kind === 'rateLimit' ? null : problem;
  }
}

/**
 * Which server answers, as part of the ledger key: the same model name elsewhere is another model. Addresses may hold
 * secrets, so they are hashed.
 */
export function serverName({ azure }: Settings, environment: Environment = process.env): string {
  if (azure !== null) return 'azure';
  const baseURL = environment.OPENAI_BASE_URL;
  return baseURL
    ? `server ${createHash('sha256').update(baseURL.replace(/\/+$/, '')).digest('hex').slice(0, 12)}`
    : 'openai';
}

function isAddress(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}

function missing(sentence: string): TeacherError {
  return new TeacherError('unauthorized', sentence);
}
