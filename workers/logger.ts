/** One logger for the project's own lines and for Temporal's. */
import { DefaultLogger, type LogEntry, type Logger } from '@temporalio/worker';
import pino from 'pino';

/** Structured lines on standard error, for log collectors; standard output is for people. */
export function projectLogger(role: string): pino.Logger {
  return pino(
    { name: role, level: process.env.GTR_LOG_LEVEL ?? 'info', base: { pid: process.pid } },
    pino.destination(2),
  );
}

/** Temporal's log entries through the same stream. */
export function temporalLogger(role: string): Logger {
  const logger = projectLogger(role);
  return new DefaultLogger('INFO', ({ level, message, meta }: LogEntry) => {
    const { error, ...fields } = (meta ?? {}) as { error?: unknown };
    logger[
      level === 'TRACE'
        ? 'trace'
        : level === 'DEBUG'
          ? 'debug'
          : level === 'INFO'
            ? 'info'
            : level === 'WARN'
              ? 'warn'
              : 'error'
    ]({ ...fields, ...(error === undefined ? {} : { err: error }) }, message);
  });
}
