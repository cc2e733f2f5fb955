// Ending a run early.

/** A signal ends the run at its next step, so that everything that was started is ended and no folder stays. */
export function untilSignalled(): () => void {
  let signal: NodeJS.Signals | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      signal = name;
    });
  }
  return () => {
    if (signal !== undefined) throw new Error(`ended by ${signal}`);
  };
}
