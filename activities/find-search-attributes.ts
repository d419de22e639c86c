/**
 * Asks the server which of the product's search attributes it knows: a workflow that sets an unknown one cannot go on.
 */
import { getClient, log } from '@temporalio/activity';
import { activity } from './activity.ts';

/** Name -> type as the SDK names it. */
export type FindSearchAttributesInput = { wanted: Readonly<Record<string, string>> };

/**
 * gRPC codes that say that this server does not tell: invalid argument, not found, permission denied, unimplemented,
 * unauthenticated.
 */
const NOT_TOLD = new Set([3, 5, 7, 12, 16]);

export const searchAttributeActivities = {
  /** Names of the wanted attributes that are registered with the wanted type; none where the server does not tell. */
  findSearchAttributes: activity(async ({ wanted }: FindSearchAttributesInput): Promise<string[]> => {
    const { connection, options } = getClient();
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace: options.namespace,
      });
      return Object.keys(wanted).filter((name) => customAttributes?.[name] === TYPE_NUMBERS[wanted[name]]);
    } catch (error) {
      if (!NOT_TOLD.has((error as { code?: number }).code ?? -1)) throw error;
      log.warn('The server does not tell its search attributes; runs are listed without them', { error });
      return [];
    }
  }),
};

export type SearchAttributeActivities = typeof searchAttributeActivities;

/** `IndexedValueType` of Temporal's API. */
const TYPE_NUMBERS: Readonly<Record<string, number>> = {
  TEXT: 1,
  KEYWORD: 2,
  INT: 3,
  DOUBLE: 4,
  BOOL: 5,
  DATETIME: 6,
  KEYWORD_LIST: 7,
};
