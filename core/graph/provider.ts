/** Whether onnxruntime can compute where a run wants it to. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** An execution provider cannot be loaded or used on this machine. */
export class ProviderError extends Error {
  override name = 'ProviderError';
}

/** The command that brings what `cuda` needs. */
export const INSTALL_CUDA = 'npm run install-cuda';

/** Throws `ProviderError` with what is missing, in one sentence. */
export async function checkProvider(provider: 'cpu' | 'cuda'): Promise<void> {
  if (provider === 'cpu') return;
  try {
    await promisify(execFile)(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'try-provider.ts'), provider],
      { encoding: 'utf8' },
    );
  } catch (error) {
    throw new ProviderError(
      `engine.provider: onnxruntime cannot compute with ${provider} here ` +
        `(${failureIn(String((error as { stderr?: string }).stderr ?? error))}); \`${INSTALL_CUDA}\` installs its ` +
        `libraries, an NVIDIA driver must be there, and engine.provider cpu needs neither`,
    );
  }
}

/**
 * The cause in onnxruntime's words: a library that does not load, a call of CUDA's that fails, or else the last line.
 */
export function failureIn(output: string): string {
  const loading = /Failed to load library .*?(?<file>[^/\s]+) with error: (?:\S+\/)?(?<cause>[^\n]+)/.exec(
    output,
  )?.groups;
  if (loading !== undefined)
    return loading.cause.startsWith(loading.file) ? loading.cause : `${loading.file}: ${loading.cause}`;
  return (
    /CUDA failure \d+: [^;\n]+/.exec(output)?.[0].trim() ??
    output.trim().split('\n').at(-1)?.trim() ??
    'no reason given'
  );
}
