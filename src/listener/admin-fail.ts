// How the admin listener answers what it does not do, and what it logs of that.
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { type Problem, problemOf } from './admin-problem.ts';

/** What was asked, as the log has it. */
interface Asked {
  /** The route's id; undefined: no route. */
  readonly admin: string | undefined;
  readonly log: Pick<Logger, 'warn' | 'error'> | undefined;
}

export function refuse(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...problem.details.headers })
    .send(problem.body());
}

/** Of an error what may be logged: its words may hold what was sent. */
export function causeOf(error: unknown): { name: unknown; code: unknown } {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return { name, code };
}

/** Failures of access, of the store, and our own leave a line. Not the path, nor anything else that was sent. */
export function fail(error: unknown, reply: FastifyReply, { admin, log }: Asked): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 401 || problem.status === 403 || problem.status === 421) {
    log?.warn({ admin, error: problem.code }, 'an admin request was refused');
  } else if (problem.status >= 500) {
    const level = problem.status === 500 ? 'error' : 'warn';
    log?.[level]({ admin, error: problem.code, cause: causeOf(error) }, 'an admin request failed');
  }
  return refuse(reply, problem);
}
