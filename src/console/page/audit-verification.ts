// Verifying the audit log: asked for by a button, answered in words.
import type { AuditVerification } from '../../listener/admin-live-types.ts';
import { h, replace, setAttribute } from './dom.ts';
import { duration, moment, plural } from './format.ts';
import { type Page, problemBox } from './page.ts';
import { button, pill } from './parts.ts';

/** The result in a sentence. */
function verdictText({ good, records, files, faults, tookMs }: AuditVerification): string {
  const size = `${plural(records, 'record')} in ${plural(files, 'file')}, in ${duration(tookMs)}`;
  if (good) return `Every record follows from the one before it, and every signature is good (${size}).`;
  return `${plural(faults.length, 'fault')} found (${size}). Keep the files as they are, and find out who could write to them.`;
}

export function createVerification(page: Page) {
  const problems = problemBox(page);
  const result = h('div', { class: 'verification', role: 'status' });
  const verify = button('Verify now', () => void run(), { look: 'primary' });

  async function run(): Promise<void> {
    if (verify.getAttribute('aria-disabled') === 'true') return;
    problems.clear();
    setAttribute(verify, 'aria-disabled', 'true');
    replace(result, h('p', { class: 'note' }, 'Reading the whole chain …'));
    try {
      replace(result, verdict(await page.admin.verifyAudit()));
    } catch (error) {
      replace(result);
      problems.show(error);
    } finally {
      setAttribute(verify, 'aria-disabled', undefined);
    }
  }
  return { button: verify, element: h('div', {}, result, problems.element) };
}

function verdict(verification: AuditVerification): HTMLElement {
  const { good, faults, at } = verification;
  return h(
    'div',
    { class: 'card' },
    h(
      'p',
      { class: 'verdict' },
      pill(good ? 'good' : 'bad', good ? 'Whole' : 'Not whole'),
      h('span', {}, verdictText(verification)),
    ),
    h('p', { class: 'note' }, `Verified ${moment(at)}.`),
    faults.length > 0 &&
      h(
        'ul',
        { class: 'faults' },
        ...faults.map(({ file, line, what }) =>
          h('li', {}, h('code', {}, line === null ? file : `${file}:${line}`), ` ${what}`),
        ),
      ),
  );
}
