// The level of the log, which operators change while the gateway runs. A child logger without a level of its own has that
// of its parent at any time, so a thread sets it in one place.
import type { LevelWithSilent, Logger } from 'pino';

export interface LogLevelSwitch {
  get(): LevelWithSilent;
  /**
   * By an operator: in force until the next one, or until the file says another than before. What the command line said
   * counts no more. Throws where it is none of pino's levels, and changes nothing then.
   */
  set(level: LevelWithSilent): void;
  /**
   * What the file says now. Nothing changes where it says what it said before, or while the command line's is in force.
   * @returns whether the level is another one now
   */
  follow(level: LevelWithSilent): boolean;
  /** Calls `listener` with every level that is set from now on: other threads have loggers of their own. */
  onSet(listener: (level: LevelWithSilent) => void): void;
}

export interface LevelSources {
  /** What the file says. */
  readonly file: LevelWithSilent;
  /** What stands in its place. */
  readonly commandLine?: LevelWithSilent | undefined;
}

/**
 * @param log the logger whose children are all others of this thread; its level is set at once. Changes are said in it, where
 *   the level before or after has them written: who has the log silenced leaves a line
 */
export function createLevel(
  log: Pick<Logger, 'level' | 'info' | 'isLevelEnabled'>,
  { file, commandLine }: LevelSources,
): LogLevelSwitch {
  const listeners: ((level: LevelWithSilent) => void)[] = [];
  let said = file;
  let isHeld = commandLine !== undefined;
  let inForce = commandLine ?? file;
  log.level = inForce;

  function apply(level: LevelWithSilent): void {
    const change = { from: inForce, to: level };
    const isSaid = log.isLevelEnabled('info');
    if (isSaid) log.info(change, 'the log changes its level');
    log.level = level;
    if (!isSaid) log.info(change, 'the log changes its level');
    inForce = level;
    for (const listener of listeners) listener(level);
  }

  return {
    get: () => inForce,
    set(level) {
      apply(level);
      isHeld = false;
    },
    follow(level) {
      const isNews = level !== said;
      said = level;
      if (!isNews || isHeld || level === inForce) return false;
      apply(level);
      return true;
    },
    onSet: (listener) => void listeners.push(listener),
  };
}
