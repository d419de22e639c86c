/** Runs the `gtr` command. */
import { CommanderError } from 'commander';
import { explain } from './errors.ts';
import { gtrProgram } from './program.ts';

const program = gtrProgram();

// If the reader of the output ends (`gtr play alfworld | head`), so does the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own sentence; help and version are not errors.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  const { message, exitCode } = explain(error);
  process.stderr.write(`gtr: ${program.opts().debug ? (error as Error).stack : message}\n`);
  process.exit(exitCode);
}
process.exit(process.exitCode ?? 0);
