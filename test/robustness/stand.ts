// A proxy before a witness, in each variant that a case asks for, started when the first one does.
import { appendFileSync } from 'node:fs';
import { openCertificates } from '../support/certificates.ts';
import { openFolder } from '../support/folder.ts';
import type { Case, Observation } from './case.ts';
import { observe } from './observe.ts';
import type { Startable, Subject, Tls, Variant } from './subjects.ts';
import { openWitness } from './witness.ts';

export interface Stand extends AsyncDisposable {
  /** Looks at a case; or says why it cannot be asked. */
  see(one: Case): Promise<Observation | string>;
}

export async function openStand({ name, start, lacks }: Startable): Promise<Stand> {
  const opened = new AsyncDisposableStack();
  const witness = opened.use(await openWitness());
  /** With its key behind it, as HAProxy wants it: the others read what they look for. */
  function certified(): Tls {
    const files = opened.use(openCertificates());
    files.authority('authority');
    files.issue('proxy', 'localhost', 'authority');
    appendFileSync(files.at('proxy.pem'), files.read('proxy.key'));
    return { cert: files.at('proxy.pem'), key: files.at('proxy.key'), ca: files.read('authority.pem') };
  }
  const subjects = new Map<Variant, Subject>();
  async function subjectFor(variant: Variant): Promise<Subject> {
    const known = subjects.get(variant);
    if (known !== undefined) return known;
    const tls = variant === 'http2' ? certified() : undefined;
    const subject = opened.use(await start(opened.use(openFolder()).path, witness.port, variant, tls));
    subjects.set(variant, subject);
    return subject;
  }
  return {
    async see(one) {
      const variant = one.variant ?? 'plain';
      return one.lacking?.[name] ?? lacks(variant) ?? (await observe(one, await subjectFor(variant), witness));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
