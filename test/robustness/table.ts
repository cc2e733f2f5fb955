// Makes docs/robustness.md: every case at the gateway and at each proxy that is installed, every scenario at the gateway.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../support/folder.ts';
import { ROOT } from '../support/process.ts';
import { CASES } from './cases.ts';
import { type Row, renderDocument, type ScenarioRow, type Seen, saferPeers } from './document.ts';
import { observe } from './observe.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Candidate, GATEWAY_ITSELF, PEERS } from './subjects.ts';
import { openWitness } from './witness.ts';

/** All cases at one proxy, in order. */
async function lookAt(candidate: Candidate): Promise<Seen[]> {
  using folder = openFolder();
  await using witness = await openWitness();
  await using subject = await candidate.start(folder.path, witness.port);
  const seen: Seen[] = [];
  for (const one of CASES) {
    const observation = await observe(one, subject, witness);
    seen.push({ observation, judgement: one.judge(observation) });
  }
  return seen;
}

const missing = PEERS.filter((peer) => peer.missing !== undefined);
if (missing.length > 0) {
  const commands = missing.map((peer) => `${peer.name}: ${peer.missing}`);
  throw new Error(
    `The table has a column for each proxy. Install what is missing, and run this again: ${commands.join('; ')}`,
  );
}

const gateway = await lookAt(GATEWAY_ITSELF);
const peers = await Promise.all(PEERS.map(async (peer) => ({ name: peer.name, seen: await lookAt(peer) })));
const rows = CASES.flatMap((one, at): Row[] => {
  const own = gateway[at];
  if (own === undefined) return [];
  const others = peers.flatMap(({ name, seen }): [string, Seen][] => {
    const of = seen[at];
    return of === undefined ? [] : [[name, of]];
  });
  return [{ one, gateway: own, peers: new Map(others) }];
});
const scenarios: ScenarioRow[] = [];
for (const { name, sent, run } of SCENARIOS) scenarios.push({ name, sent, ...(await run()) });

const versions = new Map(PEERS.map((peer) => [peer.name, peer.version()]));
writeFileSync(join(ROOT, 'docs/robustness.md'), renderDocument(rows, scenarios, versions));
const safer = rows.filter((row) => saferPeers(row).length > 0);
console.log(
  `docs/robustness.md: ${rows.length} cases, ${scenarios.length} scenarios; a peer is safer in ${safer.length}`,
);
