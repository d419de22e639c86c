/** Thought correction and its teachers. */
import { z } from 'zod';
import { TEACHERS } from '../teachers.ts';
import { namesOf, pictureSize, positive, probability, summaries } from './values.ts';

const pricePerMillion = z.number().min(0);

const openai = z
  .strictObject({
    model: z.string().min(1).default('gpt-4o').describe("The server's name of the model."),
    prompt: z
      .string()
      .nullable()
      .default(null)
      .describe(
        "Wording of the requests: a name in core/corrector/prompts or a path; null: the environment's default.",
      ),
    temperature: z
      .number()
      .min(0)
      .max(2)
      .nullable()
      .default(0.4)
      .describe('Sampling temperature; null: not sent, for models that refuse it.'),
    maxTokens: positive.default(400).describe('Most tokens in an answer.'),
    maxTokensField: z
      .enum(['max_completion_tokens', 'max_tokens'])
      .default('max_completion_tokens')
      .describe('Request field that limits the answer; older servers know only `max_tokens`.'),
    answerFormat: z
      .enum(['schema', 'json', 'text'])
      .default('schema')
      .describe(
        'How the server learns the form of the answer. schema: from its JSON schema; json: only that it is ' +
          'JSON; text: from the wording. Answers are checked in every case.',
      ),
    toolRounds: z
      .int()
      .min(0)
      .default(3)
      .describe(
        'Most calls of the exact solver that a judgement may make for formulas (Points24); 0: the tool is not ' +
          'offered.',
      ),
    timeoutSeconds: z
      .number()
      .positive()
      .default(60)
      .describe('Seconds after which an unanswered request is sent again.'),
    image: z
      .strictObject({
        size: pictureSize.default(300).describe('Pixels on each side; the scene is drawn at this size.'),
        format: z.enum(['png', 'jpeg']).default('png').describe('File format in the data URL.'),
        quality: z.int().min(1).max(100).default(90).describe('Quality of a JPEG.'),
        detail: z
          .enum(['auto', 'low', 'high'])
          .default('auto')
          .describe('Level of detail of the picture; this decides what it costs.'),
      })
      .prefault({})
      .describe('The picture in a request.'),
    azure: z
      .strictObject({
        deployment: z.string().min(1).describe('Name of the deployment.'),
        apiVersion: z.string().min(1).default('2024-10-21').describe("Version of Azure's API."),
      })
      .nullable()
      .default(null)
      .describe(
        "Azure OpenAI, with AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in the worker's environment; null: " +
          'OpenAI or any compatible server (OPENAI_API_KEY, OPENAI_BASE_URL).',
      ),
    prices: z
      .strictObject({ prompt: pricePerMillion, cached: pricePerMillion, completion: pricePerMillion })
      .nullable()
      .default(null)
      .describe('US dollars per million tokens; null: the prices in core/corrector/prices.ts.'),
  })
  .describe("The teacher `openai`; keys and addresses come from the corrector worker's environment.");

const ACCOUNT_FORM = 'must consist of lowercase letters, digits and hyphens';

export const corrector = z
  .strictObject({
    teacher: z
      .enum(namesOf(TEACHERS))
      .default('solver')
      .describe(`Who judges thoughts. ${summaries(TEACHERS)}`),
    openai: openai.prefault({}),
    cut: z.boolean().default(true).describe('Cut episodes that can no longer reach the target (spec.md section 2).'),
    judgedShare: probability
      .default(1)
      .describe(
        'Share of steps that are judged (seeded choice); the others count as correct, and the corrector never ' +
          'cuts there.',
      ),
    ask: z
      .enum(['always', 'verified-skip'])
      .default('always')
      .describe(
        'When a paid teacher is asked. always: about every judged thought; verified-skip: only about thoughts that ' +
          'the exact solver cannot prove right (the verdict of the others is the same).',
      ),
    account: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, ACCOUNT_FORM)
      .meta({ patternErrorMessage: ACCOUNT_FORM })
      .default('default')
      .describe(
        'Account of a paid teacher. Its limits hold for all runs that use it. Each account has its own task ' +
          'queue, `corrector-<account>` (`corrector` for `default`), which only workers with its key poll.',
      ),
    handOverSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'Seconds between the parts of a wave that are handed to a paid teacher, which judges them while the ' +
          'rest is sampled; 0: a part after every round.',
      ),
    budgetUsd: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'US dollars that the run may spend on its teacher. It pauses before a thought that could exceed them. ' +
          'null: no limit.',
      ),
    requestsPerMinute: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'Requests per minute of the account, set when the run starts; null: as set before (`gtr rate`). It ' +
          "paces thoughts: one request each, two where the solver's tool is offered.",
      ),
    tokensPerMinute: positive
      .nullable()
      .default(null)
      .describe('Tokens per minute of the account, set when the run starts; null: as set before (`gtr rate`).'),
  })
  .describe('Thought correction.');
