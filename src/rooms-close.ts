// How a gateway, or one of its threads, ends.
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isSecure } from './listener/tls.ts';

/**
 * After a defect that nobody caught: how long requests under way may take to be answered. Nobody knows what state it has
 * left behind, so no new ones are taken, and it is no longer than most answers take.
 */
export const LAST_ANSWERS_MS = 10_000;
/** And how long it may then take to close what is open: a disk that hangs must not keep a process that answers nobody. */
export const LAST_CLOSING_MS = 6000;

/** Where a listener listens. */
export function urlOf(listener: FastifyInstance): string {
  const { address, family, port } = listener.server.address() as AddressInfo;
  const scheme = isSecure(listener.server) ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Whether `work` is done in time. */
export async function finishWithin(work: PromiseLike<unknown>, boundMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<false>((settle) => {
    timer = setTimeout(settle, boundMs, false);
  });
  const finished = await Promise.race([Promise.resolve(work).then(() => true), bound]);
  clearTimeout(timer);
  return finished;
}
