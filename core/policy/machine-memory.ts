/** The memory of the machine that runs the graphs. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';

/** Bytes that this process may take: the machine's memory, or what a container allows of it. */
export function hostMemory(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(os.totalmem(), allowed) : os.totalmem();
}

/** Bytes of the GPU that onnxruntime takes, the first visible one; null where none can be asked. */
export function deviceMemory(): number | null {
  try {
    const [first] = (process.env.CUDA_VISIBLE_DEVICES ?? '0').split(',');
    const mebibytes = execFileSync(
      'nvidia-smi',
      ['--query-gpu=memory.total', '--format=csv,noheader,nounits', `--id=${first}`],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return Number(mebibytes) > 0 ? Number(mebibytes) * 2 ** 20 : null;
  } catch {
    return null; // no NVIDIA driver: the run itself says what is missing
  }
}
