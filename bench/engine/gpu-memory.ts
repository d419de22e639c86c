/** Peak memory of the first visible GPU, polled twice a second. */
import { type ChildProcess, spawn } from 'node:child_process';

export class GpuMemory {
  readonly #child: ChildProcess;
  #peak: number | null = null;

  constructor() {
    const [first] = (process.env.CUDA_VISIBLE_DEVICES ?? '0').split(',');
    this.#child = spawn(
      'nvidia-smi',
      ['--query-gpu=memory.used', '--format=csv,noheader,nounits', `--id=${first}`, '--loop-ms=500'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    // Without the driver's tool there is no measurement.
    this.#child.on('error', () => {});
    this.#child.stdout!.on('data', (lines: Buffer) => {
      for (const line of String(lines).split('\n'))
        if (line.trim() !== '' && Number.isFinite(Number(line))) this.#peak = Math.max(this.#peak ?? 0, Number(line));
    });
  }

  /** MiB, all processes together. */
  get peak(): number | null {
    return this.#peak;
  }

  close(): void {
    this.#child.kill();
  }
}
