// The columns of docs/robustness.md for nginx, HAProxy and Caddy are what is seen of them: asked again where an answer comes at
// once, of those that are installed in the version that the document names.
import { expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { HEADS } from './cases-caller.ts';
import { toldOf } from './document.ts';
import { PEERS } from './peers.ts';
import { DOCUMENT, inShort, ROWS } from './read.ts';
import { openStand } from './stand.ts';

const cases = HEADS.flatMap((section) => section.cases);

it.for(PEERS)('$name does what its column says', async (peer, { skip }) => {
  if (!needs(peer.command, peer.missing ?? '')) skip();
  if (!DOCUMENT.includes(`| ${peer.name} ${peer.version()} |`)) skip('the document is about another version');
  await using stand = await openStand(peer);
  const seen: string[] = [];
  for (const one of cases) {
    const found = await stand.see(one);
    if (typeof found === 'string') throw new Error(found);
    const { back, saw, judgement } = toldOf(one, found);
    seen.push(`${one.name}: ${judgement.grade}, ${back}, ${saw}`);
  }
  const column = 3 + PEERS.indexOf(peer);
  const told = ROWS.slice(0, cases.length).map((cells) => `${cells[0]}: ${inShort(cells[column])}`);
  expect(seen).toEqual(told);
});
