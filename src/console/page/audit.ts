// The audit: what is written, whether it is whole, and the last records as they come.
import type { AuditReadings } from '../../listener/admin-live-types.ts';
import { createTail } from './audit-tail.ts';
import { createVerification } from './audit-verification.ts';
import { h } from './dom.ts';
import { bytes, count, NOTHING, plural, span } from './format.ts';
import type { CreateView } from './page.ts';
import { createFact, createPill, section } from './parts.ts';

export const createAudit: CreateView = (page) => {
  const readings = createReadings();
  const tail = createTail(page);
  const verification = createVerification(page);
  const off = h(
    'div',
    { class: 'empty' },
    h('p', {}, 'The audit log is off: audit.file is null. Name a file there, and restart.'),
  );
  const on = h(
    'div',
    { class: 'sections' },
    section('State', { actions: [verification.button] }, readings.element, verification.element),
    section('Latest records', { note: 'Newest first. Accounts stand as keyed hashes.' }, tail.element),
  );
  off.hidden = true;
  return {
    title: 'Audit',
    element: h('div', {}, off, on),
    update(live) {
      if (live.state === undefined) return;
      const { audit } = live.state;
      off.hidden = audit !== null;
      on.hidden = audit === null;
      if (audit === null) return;
      readings.set(audit);
      tail.update(live, audit.sequence);
    },
  };
};

function createReadings() {
  const state = createPill();
  const facts = {
    sequence: createFact('Last record'),
    requests: createFact('Requests since the start'),
    head: createFact('Newest signed head'),
    unsigned: createFact('Oldest unsigned record'),
    headHash: createFact('Hash of that head'),
    bytes: createFact('Size of the file'),
    lost: createFact('Lost'),
    file: createFact('File'),
  };
  const element = h(
    'div',
    { class: 'card' },
    h('p', {}, state.element),
    h('dl', { class: 'facts' }, ...Object.values(facts).map((one) => one.element)),
  );
  facts.headHash.element.classList.add('hash');
  return {
    element,
    set({ failing, failures, lost, sequence, written, headAgeMs, head, bytes: size, file }: AuditReadings) {
      state.set(
        failing ? 'bad' : lost > 0 ? 'warn' : 'good',
        failing ? 'Cannot be written' : lost > 0 ? 'Written, with a gap' : 'Written',
      );
      facts.sequence.set(count(sequence));
      facts.requests.set(count(written.request ?? 0));
      facts.head.set(head === null ? 'none yet' : `record ${count(head.at)}, ${head.time.slice(11, 19)} UTC`);
      facts.headHash.set(head?.hash ?? NOTHING);
      facts.unsigned.set(headAgeMs === 0 ? 'none' : `${span(headAgeMs / 1000)} old`);
      facts.bytes.set(bytes(size));
      facts.lost.set(
        failures === 0 ? plural(lost, 'record') : `${plural(lost, 'record')}, ${plural(failures, 'failure')}`,
      );
      // The folder stands in the configuration.
      facts.file.set(file.slice(file.lastIndexOf('/') + 1));
    },
  };
}
