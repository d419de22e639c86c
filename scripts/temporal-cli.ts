/** The Temporal CLI for the rest of the project; the set-up installs it. */
import { findTemporal, TEMPORAL_VERSION, versionLine } from './temporal-version.mjs';

/** The command that gets a missing Temporal CLI. */
export const INSTALL_TEMPORAL = 'npm run set-up';

/** Path of a usable `temporal`. Throws a sentence that says how to get one. */
export function temporalCliPath(): string {
  const found = findTemporal();
  if (found === null)
    throw new Error(
      `There is no Temporal CLI of at least version ${TEMPORAL_VERSION}; \`${INSTALL_TEMPORAL}\` gets it.`,
    );
  return found;
}

/** The output of `temporal --version`; null without a CLI. */
export function temporalCliVersion(): string | null {
  const found = findTemporal();
  return found === null ? null : versionLine(found);
}
