/**
 * The environment of a program that is measured beside ours: glibc's defaults, as its users have them, not what
 * `scripts/node.sh` sets for the engine.
 */
export const COMPARISON_ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env, GLIBC_TUNABLES: undefined };
