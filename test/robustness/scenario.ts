// What a scenario is: a case that needs more than one exchange, or more of a proxy than its bytes.
import { DEMO_ACCOUNTS, startTwin, type Twin } from '../../src/twin/twin.ts';
import { openFolder } from '../support/folder.ts';
import { type Lab, openLab } from '../support/lab.ts';
import type { Judgement } from './case.ts';
import type { Candidate, Subject, Variant } from './subjects.ts';

/** What came of it. */
export interface Told {
  /** What came back, in a few words. */
  readonly back: string;
  /** What the regions saw, likewise. */
  readonly saw: string;
  readonly judgement: Judgement;
}

export interface Scenario {
  readonly name: string;
  /** In words, for the table. */
  readonly sent: string;
  /** It needs openssl. */
  readonly isCertified?: true;
  /** What has to come back from the gateway, in the words that `run` uses. */
  readonly back: string;
  /** What its regions have to see, likewise. */
  readonly saw: string;
  /** At the gateway. */
  run(): Promise<Told>;
  /** The same at a peer; or why it cannot be asked of that one. */
  at(peer: Candidate): Promise<Told> | string;
}

export const SAFE: Judgement = { grade: 'safe' };
export const weak = (why: string): Judgement => ({ grade: 'weak', why });
export const unsafe = (why: string): Judgement => ({ grade: 'unsafe', why });

/** The accounts of the region are the first of `us` (src/twin/accounts.ts). */
const TWIN = { region: 'us', accounts: DEMO_ACCOUNTS.us, ledgerRows: 1_000_000 };

/** A peer before a twin, for as long as `ask` takes; or why it cannot be asked. */
export function beforeTwin(
  peer: Candidate,
  variant: Variant,
  ask: (subject: Subject, twin: Twin) => Promise<Told>,
): Promise<Told> | string {
  return peer.lacks(variant) ?? asked(peer, variant, ask);
}

async function asked(
  peer: Candidate,
  variant: Variant,
  ask: (subject: Subject, twin: Twin) => Promise<Told>,
): Promise<Told> {
  using folder = openFolder();
  const twin = await startTwin(TWIN);
  try {
    await using subject = await peer.start(folder.path, twin.port, variant);
    return await ask(subject, twin);
  } finally {
    await twin.close();
  }
}

/** The gateway between two twins, for as long as `ask` takes. @param config sections in place of the lab's own */
export async function inLab(
  ask: (lab: Lab) => Promise<Told>,
  config: Readonly<Record<string, unknown>> = {},
): Promise<Told> {
  const lab = await openLab({ config });
  try {
    return await ask(lab);
  } finally {
    await lab.close();
  }
}
