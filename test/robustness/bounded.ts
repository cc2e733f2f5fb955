// Proxies that were told bounds, each before a region that answers at once: the gateway as a process of its own, too.
import { setTimeout as delay } from 'node:timers/promises';
import { openFolder } from '../support/folder.ts';
import { HOST, head, LOOK } from './caller-acts.ts';
import { ok, writes } from './region-acts.ts';
import type { Scenario, Told } from './scenario.ts';
import { GATEWAY, type Startable, type Variant } from './subjects.ts';
import { openWitness, type Witness } from './witness.ts';

/** Longer than any of them takes to answer. */
export const SOON_MS = 1500;
export const GET = head(`GET ${LOOK} HTTP/1.1`, HOST);

async function before(
  proxy: Startable,
  variant: Variant,
  ask: (url: string, region: Witness) => Promise<Told>,
): Promise<Told> {
  using folder = openFolder();
  await using region = await openWitness();
  region.behave = writes(ok());
  await using subject = await proxy.start(folder.path, region.port, variant);
  return await ask(subject.url, region);
}

export function asked(
  variant: Variant,
  ask: (url: string, region: Witness) => Promise<Told>,
  lacking: Readonly<Record<string, string>> = {},
): Pick<Scenario, 'run' | 'at'> {
  return {
    run: () => before(GATEWAY, variant, ask),
    at: (peer) => lacking[peer.name] ?? before(peer, variant, ask),
  };
}

export const seen = ({ requests }: Witness): string =>
  requests.length === 1 ? 'one request' : `${requests.length} requests`;

/** Waits for an event, but not for ever. @returns whether it came */
export async function soon(event: Promise<unknown>, withinMs = SOON_MS): Promise<boolean> {
  const bound = new AbortController();
  const late = delay(withinMs, false, { signal: bound.signal }).catch(() => false);
  const came = await Promise.race([event.then(() => true), late]);
  bound.abort();
  return came;
}
