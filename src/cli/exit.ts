// Exit codes, and how commands say that they failed.
import { AuditOpenError } from '../audit/error.ts';
import { IdentityKeyError } from '../store/identity-key.ts';
import { StoreOpenError } from '../store/sqlite-file.ts';

/** After sysexits.h, so that supervisors and scripts can tell what went wrong. */
export const EXIT = { ok: 0, failure: 1, usage: 64, system: 71, config: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each says, as --help and docs/cli.md tell it. */
export const EXIT_MEANING: Readonly<Record<ExitCode, string>> = {
  0: 'done; of serve, also that everything under way was answered before it stopped',
  1: 'not done, or something was found: what stands on standard error says what',
  64: 'the command line is wrong',
  71: 'the system, the store or the audit log refuses: a port is taken, the store is away, another gateway writes the log',
  78: 'the configuration or the identity key is wrong; nothing has listened',
};

/** Thrown by a command to end with a sentence on standard error and an exit code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  /** What a program can make more of than of the sentence: goes beside it with --json. */
  readonly details: object;

  constructor(message: string, exitCode: ExitCode = EXIT.failure, details: object = {}) {
    super(message);
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** The sentence for a port that cannot be listened on, or undefined when `error` is something else. */
export function listenProblem(error: unknown, advice: (port: number) => string): CommandError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, address, port } = error as { code?: unknown; address?: unknown; port?: unknown };
  if (typeof port !== 'number') return undefined;
  const place = `${String(address)}:${port}`;
  if (code === 'EADDRINUSE') {
    return new CommandError(`Port ${port} is taken: something else listens on ${place}. ${advice(port)}`, EXIT.system);
  }
  if (code === 'EACCES') {
    return new CommandError(`Not allowed to listen on ${place}. ${advice(port)}`, EXIT.system);
  }
  if (code === 'EADDRNOTAVAIL') {
    return new CommandError(`${place} is not an address of this machine. ${advice(port)}`, EXIT.system);
  }
  return undefined;
}

/** What stands in the way of the store, the audit log or a key, as its sentence; undefined when `error` is something else. */
export function stateProblem(error: unknown): CommandError | undefined {
  if (error instanceof IdentityKeyError) return new CommandError(error.message, EXIT.config);
  const isSystem = error instanceof StoreOpenError || error instanceof AuditOpenError;
  return isSystem ? new CommandError(error.message, EXIT.system) : undefined;
}
