/**
 * The one error of the household games: a file that cannot be read or uses something that is not supported, said in one
 * sentence.
 */

/** Thrown with a sentence that names what is wrong and where; never for a wrong command, which is part of the game. */
export class AlfworldGameError extends Error {
  override readonly name = 'AlfworldGameError';
}
