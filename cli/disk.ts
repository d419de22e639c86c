/** The disk space that a run takes, for the verbs that start one. */
import { checkDisk, type Disk, diskText } from '../core/records/run-disk.ts';

/** Reports what a run will take. Throws `ConfigError` if that exceeds the free space. */
export function sayDisk(disk: Disk): void {
  checkDisk(disk);
  process.stdout.write(`Disk: ${diskText(disk)}.\n`);
}
