// Makes docs/robustness.md: every case and every scenario at the gateway, and at each proxy beside it. Ends with an error when
// one of them is safer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../support/folder.ts';
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
import { observe } from './observe.ts';
import { PEERS } from './peers.ts';
import type { Scenario, Told } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Subject, startGateway } from './subjects.ts';
import { openWitness } from './witness.ts';

/** All cases at one proxy. */
async function lookAt(start: (folder: string, region: number) => Promise<Subject>): Promise<Map<Case, Told>> {
  using folder = openFolder();
  await using witness = await openWitness();
  await using subject = await start(folder.path, witness.port);
  const seen = new Map<Case, Told>();
  for (const one of CASES) seen.set(one, toldOf(one, await observe(one, subject, witness)));
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

const gateway = await lookAt(startGateway);
const looked = await Promise.all(PEERS.map(async (peer) => ({ name: peer.name, seen: await lookAt(peer.start) })));

function rowOf(one: Case): Row {
  const { name, sent } = one;
  const own = gateway.get(one);
  if (own === undefined) throw new Error(`${name} was not looked at`);
  const peers = looked.flatMap((peer): [string, Seen][] => {
    const seen = peer.seen.get(one);
    return seen === undefined ? [] : [[peer.name, seen]];
  });
  return { name, sent, gateway: own, peers: new Map(peers) };
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
const safer = rows.filter((row) => saferPeers(row).length > 0).map(({ name }) => name);
console.log(`docs/robustness.md: ${rows.length} cases`);
if (safer.length > 0) {
  console.error(`A peer is safer in ${safer.length}: ${safer.join('; ')}`);
  process.exitCode = 1;
}
