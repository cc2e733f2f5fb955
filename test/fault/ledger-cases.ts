// The calls of the ledger test: every fault with every kind of call and every habit of callers, each on a secret of its own.
import { basic, call } from '../support/http.ts';
import { ALICE, BRUNO, CAROL, DORA } from '../support/lab.ts';
import { type Ask, HABITS, type Habit, inParallel } from './ledger-caller.ts';
import { type Chance, chanceOf, FAULTS, type Fault } from './ledger-faults.ts';

export const KINDS = ['retrieve', 'burn', 'reveal'] as const;
export type Kind = (typeof KINDS)[number];
export type RegionId = 'us' | 'eu';

export interface Case {
  readonly index: number;
  readonly region: RegionId;
  readonly kind: Kind;
  readonly fault: Fault;
  readonly habit: Habit;
  /** Seeded for this case. */
  readonly chance: Chance;
  readonly owner: string;
  /** `name:token`, or undefined for an anonymous caller. */
  readonly as: string | undefined;
  readonly value: string;
  /** Bytes that mean nothing, so that some requests are long. */
  readonly padding: number;
}

/** A case whose secret exists. */
export interface Prepared extends Case {
  readonly secret: string;
  readonly metadata: string;
}

export interface CasesOptions {
  readonly seed: number;
  readonly regions: readonly RegionId[];
  readonly repetitions: number;
  readonly faults?: readonly Fault[];
  /** Calls that carry no credentials are left out. */
  readonly accountsOnly?: boolean;
}

const OWNERS = { us: [ALICE, CAROL], eu: [BRUNO, DORA] } as const;
const PASSPHRASE = 'a passphrase';

/** More callers stay than leave in any one way. */
const CALLERS: readonly Habit[] = ['stays', 'stays', ...HABITS];

function sizeOf(index: number, habit: Habit): number {
  // Longer than one read, so that there is a middle of the answer to leave in.
  if (habit === 'leaves within the answer') return 200_000;
  return index % 11 === 0 ? 70_000 : 20;
}

export function casesOf({ seed, regions, repetitions, faults = FAULTS, accountsOnly }: CasesOptions): Case[] {
  const order = chanceOf(seed);
  const cases: { readonly at: number; readonly one: Case }[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const region of regions)
      for (const kind of KINDS)
        for (const fault of faults)
          for (const habit of CALLERS) {
            const index = cases.length;
            const owner = OWNERS[region][index % 2] ?? ALICE;
            const anonymous = kind !== 'burn' && !accountsOnly && order() < 0.5;
            const value = `value ${index} `.padEnd(sizeOf(index, habit), `${index % 10}`);
            const as = anonymous ? undefined : owner;
            const padding = index % 7 === 0 ? 100_000 : 0;
            const chance = chanceOf(seed * 1_000_003 + index);
            const one = { index, region, kind, fault, habit, chance, owner, as, value, padding };
            cases.push({ at: order(), one });
          }
  return cases.sort((a, b) => a.at - b.at).map(({ one }) => one);
}

/** Makes one secret as its owner. */
export async function create(base: string, one: Case): Promise<Prepared> {
  const body = new URLSearchParams({ secret: one.value, passphrase: PASSPHRASE, ttl: '3600' }).toString();
  const reply = await call(base, 'POST', '/api/v1/share', { as: one.owner, body });
  const { secret_key: secret, metadata_key: metadata } = reply.json();
  if (typeof secret !== 'string' || typeof metadata !== 'string') throw new Error(`not created: ${reply.status}`);
  return { ...one, secret, metadata };
}

/** Makes the secret of each case, in the order of the cases. */
export async function createAll(base: string, cases: readonly Case[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  await inParallel(cases.entries(), 16, async ([at, one]) => {
    prepared[at] = await create(base, one);
  });
  return prepared;
}

export function pathOf({ kind, secret, metadata }: Pick<Prepared, 'kind' | 'secret' | 'metadata'>): string {
  if (kind === 'burn') return `/api/v1/private/${metadata}/burn`;
  return kind === 'reveal' ? `/api/v2/secret/${secret}/reveal` : `/api/v1/secret/${secret}`;
}

/** The one destructive call of a case: nothing in it tells the region. */
export function askOf(
  one: Prepared,
  url: string,
  headers: readonly string[] = [],
): Pick<Ask, 'url' | 'path' | 'headers' | 'body'> {
  const pad = 'x'.repeat(one.padding);
  const json = one.kind === 'reveal';
  const body = json
    ? JSON.stringify({ continue: true, passphrase: PASSPHRASE, pad })
    : new URLSearchParams({ passphrase: PASSPHRASE, pad }).toString();
  const type = `Content-Type: application/${json ? 'json' : 'x-www-form-urlencoded'}`;
  const authorization = one.as === undefined ? [] : [`Authorization: ${basic(one.as)}`];
  return { url, path: pathOf(one), headers: [type, ...authorization, ...headers], body };
}

/** Whether a 200 is the right and whole answer to the call of a case. */
export function isRightAnswer({ kind, value, secret }: Prepared, body: string): boolean {
  const answer: unknown = JSON.parse(body);
  if (kind === 'retrieve') return matches(answer, 'value', value);
  if (kind === 'burn') return matches(answer, 'secret_shortkey', secret.slice(0, 6));
  return typeof answer === 'object' && answer !== null && 'record' in answer
    ? matches(answer.record, 'secret_value', value)
    : false;
}

function matches(answer: unknown, name: string, expected: string): boolean {
  return typeof answer === 'object' && answer !== null && new Map(Object.entries(answer)).get(name) === expected;
}
