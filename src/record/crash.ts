// What is said of a defect that nobody caught.
import type { Logger } from 'pino';
import { describeCause } from './record.ts';

/** Only where it happened: a message may quote what was being handled, and properties may hold it. */
export function describeCrash(error: unknown): Record<string, unknown> {
  return { ...describeCause(error), at: error instanceof Error ? framesOf(error) : [] };
}

/** The message stands before them, and a line of what it quotes may look like one of them. */
function framesOf({ message, stack = '' }: Error): string[] {
  const saidAt = stack.indexOf(message);
  // Another one than it was made with: nobody can tell where it ends.
  if (saidAt === -1) return [];
  const lines = stack.slice(saidAt + message.length).split('\n');
  return lines.filter((line) => line.startsWith('    at '));
}

/**
 * Logs the first defect of this thread that nobody caught, then calls `end`, once: whatever comes after it comes of it. A diagnostic report, where somebody has told
 * Node to write one, leaves out the environment, in which keys and passwords are, and who is connected.
 */
export function onCrash(log: Pick<Logger, 'fatal'>, end: () => void): void {
  Object.assign(process.report, { excludeEnv: true, excludeNetwork: true });
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
