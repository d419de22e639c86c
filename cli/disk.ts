/** The disk that a run takes, for the verbs that start one. */
import { checkDisk, type Disk, diskText } from '../core/records/run-disk.ts';

/** Says what a run will take. Throws `ConfigError` where that is more than is free. */
export function sayDisk(disk: Disk): void {
  checkDisk(disk);
  process.stdout.write(`Disk: ${diskText(disk)}.\n`);
}
