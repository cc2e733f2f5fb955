// Makes docs/robustness.md: every case and every scenario at the gateway, and at each proxy beside it. Ends with an error when
// one of them is safer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/process.ts';
import type { Case } from './case.ts';
import { CALLERS, CASES, REGIONS } from './cases.ts';
import {
  type Chapter,
  chaptersOf,
  type Row,
  renderDocument,
  rowsIn,
  type Seen,
  type Seens,
  saferPeers,
  toldOf,
} from './document.ts';
import { KNOWN } from './named.ts';
import { PEERS } from './peers.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { openStand } from './stand.ts';
import { GATEWAY, type Startable } from './subjects.ts';

/** All cases at one proxy. */
async function lookAt(proxy: Startable): Promise<Map<Case, Seen>> {
  await using stand = await openStand(proxy);
  const seen = new Map<Case, Seen>();
  for (const one of CASES) {
    const found = await stand.see(one);
    seen.set(one, typeof found === 'string' ? found : toldOf(one, found));
  }
  return seen;
}

async function scenarioRow(scenario: Scenario): Promise<Row> {
  const { name, sent } = scenario;
  const gateway = await scenario.run();
  const peers = new Map<string, Seen>();
  // One after the other: some of them are about time.
  for (const peer of PEERS) peers.set(peer.name, await scenario.at(peer));
  return { name, sent, gateway, peers };
}

const missing = PEERS.filter((peer) => peer.missing !== undefined);
if (missing.length > 0) {
  const commands = missing.map((peer) => `${peer.name}: ${peer.missing}`);
  throw new Error(
    `The table has a column for each proxy. Install what is missing, and run this again: ${commands.join('; ')}`,
  );
}

const gateway = await lookAt(GATEWAY);
const looked = await Promise.all(PEERS.map(async (peer) => ({ name: peer.name, seen: await lookAt(peer) })));

function rowOf(one: Case): Row {
  const { name, sent, because } = one;
  const own = gateway.get(one);
  if (own === undefined || typeof own === 'string') throw new Error(`${name} was not looked at`);
  const peers = looked.flatMap((peer): [string, Seen][] => {
    const seen = peer.seen.get(one);
    return seen === undefined ? [] : [[peer.name, seen]];
  });
  return { name, sent, because, gateway: own, peers: new Map(peers) };
}

const scenarios: Chapter[] = [];
for (const { title, scenarios: all } of SCENARIOS) {
  const rows: Row[] = [];
  for (const scenario of all) rows.push(await scenarioRow(scenario));
  scenarios.push({ title, rows });
}
const seens: Seens = { callers: chaptersOf(CALLERS, rowOf), regions: chaptersOf(REGIONS, rowOf), scenarios };

const versions = new Map(PEERS.map((peer) => [peer.name, peer.version()]));
writeFileSync(join(ROOT, 'docs/robustness.md'), renderDocument(seens, versions));
const rows = rowsIn(seens);
const safer = rows.flatMap((row) => (saferPeers(row).length > 0 && !KNOWN.has(row.name) ? [row.name] : []));
console.log(`docs/robustness.md: ${rows.length} cases`);
if (safer.length > 0) {
  console.error(`A peer is safer, and nobody knows: ${safer.join('; ')}`);
  process.exitCode = 1;
}
