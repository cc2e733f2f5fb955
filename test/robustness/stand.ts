// A proxy before a witness, in each variant that a case asks for, started when the first one does.
import { openFolder } from '../support/folder.ts';
import type { Case, Observation } from './case.ts';
import { observe } from './observe.ts';
import type { Startable, Subject, Variant } from './subjects.ts';
import { openWitness } from './witness.ts';

export interface Stand extends AsyncDisposable {
  /** Looks at a case; or says why it cannot be asked. */
  see(one: Case): Promise<Observation | string>;
}

export async function openStand({ start, lacks }: Startable): Promise<Stand> {
  const opened = new AsyncDisposableStack();
  const witness = opened.use(await openWitness());
  const subjects = new Map<Variant, Subject>();
  async function subjectFor(variant: Variant): Promise<Subject> {
    const known = subjects.get(variant);
    if (known !== undefined) return known;
    const subject = opened.use(await start(opened.use(openFolder()).path, witness.port, variant));
    subjects.set(variant, subject);
    return subject;
  }
  return {
    async see(one) {
      const variant = one.variant ?? 'plain';
      return lacks(variant) ?? (await observe(one, await subjectFor(variant), witness));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
