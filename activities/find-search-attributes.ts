/**
 * Asks the server which of the product's search attributes it knows: a workflow that sets an unknown one cannot
 * continue.
 */
import { getClient, log } from '@temporalio/activity';
import { activity } from './activity.ts';

/** Name -> the SDK's name of its type. */
export type FindSearchAttributesInput = { wanted: Readonly<Record<string, string>> };

/**
 * gRPC codes of servers that do not provide the list: invalid argument, not found, permission denied, unimplemented,
 * unauthenticated.
 */
const NOT_TOLD = new Set([3, 5, 7, 12, 16]);

export const searchAttributeActivities = {
  /**
   * Names of the wanted attributes that are registered with the wanted type; none if the server does not provide the
   * list.
   */
  findSearchAttributes: activity(async ({ wanted }: FindSearchAttributesInput): Promise<string[]> => {
    const { connection, options } = getClient();
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace: options.namespace,
      });
      return Object.keys(wanted).filter((name) => customAttributes?.[name] === TYPE_NUMBERS[wanted[name]]);
    } catch (error) {
      if (!NOT_TOLD.has((error as { code?: number }).code ?? -1)) throw error;
      log.warn('The server does not list its search attributes; runs are listed without them', { error });
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
