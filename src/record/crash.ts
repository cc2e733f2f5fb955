// What is said of a defect that nobody caught.
import type { Logger } from 'pino';
import { describeCause } from './record.ts';

/** Only where it happened: a message may quote what was being handled, and properties may hold it. */
export function describeCrash(error: unknown): Record<string, unknown> {
  const frames = error instanceof Error ? error.stack?.split('\n').filter((line) => line.startsWith('    at ')) : [];
  return { ...describeCause(error), at: frames };
}

/** Logs the first defect of this thread that nobody caught, then calls `end`. */
export function onCrash(log: Pick<Logger, 'fatal'>, end: () => void): void {
  let crashed = false;
  const crash = (error: unknown): void => {
    if (crashed) return;
    crashed = true;
    log.fatal(describeCrash(error), 'crashed');
    end();
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}
