/**
 * `npm run install-cuda [-- --provider-only] [--into DIR] [--python PYTHON]`: puts what `engine.provider: cuda` needs
 * beside onnxruntime: its CUDA provider and CUDA 13's libraries, from pip packages (about 1.3 GB to download; an NVIDIA
 * driver of version 580 or newer must be there).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import onnxruntime from 'onnxruntime-node/package.json' with { type: 'json' };

/** Where onnxruntime looks for its providers, and (by scripts/node.sh) the system's loader for their libraries. */
export const PROVIDER_FOLDER = path.resolve(
  import.meta.dirname,
  '..',
  'node_modules',
  'onnxruntime-node',
  'bin',
  'napi-v6',
  process.platform,
  process.arch,
);

/** The provider of exactly the installed version of onnxruntime: parts of two versions do not fit together. */
const PROVIDER = {
  package: `onnxruntime-gpu==${onnxruntime.version}`,
  files: ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'],
};
/** The provider's dependencies, and cuDNN, which it opens when an operator needs it. */
const LIBRARIES = {
  packages: [
    'nvidia-cublas==13.1.0.3',
    'nvidia-cuda-runtime==13.0.96',
    'nvidia-curand==10.4.0.35',
    'nvidia-cuda-nvrtc==13.0.88',
    'nvidia-cudnn-cu13==9.19.0.56',
  ],
  files: ['libcublas.so.*', 'libcublasLt.so.*', 'libcudart.so.*', 'libcurand.so.*', 'libnvrtc*.so.*', 'libcudnn*.so.*'],
};

/** Copies the provider, and unless `providerOnly` CUDA's libraries, into `folder`. Throws with pip's last words. */
export function installCuda({
  folder,
  python,
  providerOnly,
}: {
  folder: string;
  python: string;
  providerOnly: boolean;
}): void {
  const scratch = mkdtempSync(path.join(tmpdir(), 'gtr-cuda-'));
  try {
    const packages = [PROVIDER.package, ...(providerOnly ? [] : LIBRARIES.packages)];
    const platform = [
      '--platform',
      'manylinux_2_28_x86_64',
      '--platform',
      'manylinux_2_27_x86_64',
      '--platform',
      'manylinux2014_x86_64',
      '--python-version',
      '3.11',
      '--only-binary=:all:',
      '--no-deps',
    ];
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--target', scratch, ...platform, ...packages], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    mkdirSync(folder, { recursive: true });
    for (const pattern of [...PROVIDER.files, ...(providerOnly ? [] : LIBRARIES.files)]) {
      const found = globSync(`**/${pattern}`, { cwd: scratch });
      if (found.length === 0) throw new Error(`${pattern} is in none of ${packages.join(', ')}`);
      for (const file of found) cpSync(path.join(scratch, file), path.join(folder, path.basename(file)));
    }
    // cuDNN is opened by its unversioned name.
    if (!providerOnly) symlinkForce('libcudnn.so.9', path.join(folder, 'libcudnn.so'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function symlinkForce(target: string, link: string): void {
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      'provider-only': { type: 'boolean', default: false },
      into: { type: 'string', default: PROVIDER_FOLDER },
      python: { type: 'string', default: 'python3' },
    },
  });
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.error(
      `npm run install-cuda: onnxruntime's CUDA provider exists for Linux on x64, not for ${process.platform} on ` +
        `${process.arch}.`,
    );
    process.exit(2);
  }
  try {
    installCuda({ folder: values.into, python: values.python, providerOnly: values['provider-only'] });
    console.log(
      `${values.into} now holds onnxruntime ${onnxruntime.version}'s CUDA ` +
        `provider${values['provider-only'] ? '' : " and CUDA 13's libraries"}. After npm ci, run this again.`,
    );
  } catch (error) {
    console.error(
      `npm run install-cuda: ${(error as Error).message.split('\n')[0]}; it needs Python with pip (--python names ` +
        `one) and a package index. For CUDA 12 instead: node node_modules/onnxruntime-node/script/install.js ` +
        `--onnxruntime-node-install=cuda12`,
    );
    process.exit(1);
  }
}
