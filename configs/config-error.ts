/** A configuration that cannot be used. The message names the field, what is wrong, and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
