/**
 * The environment of a program that ours is compared with: glibc's defaults, as its users have them, not the settings
 * of `scripts/node.sh`.
 */
export const COMPARISON_ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env, GLIBC_TUNABLES: undefined };
