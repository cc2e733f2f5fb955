// docs/load-balancers.md: its configurations together name each caller, and its words are those of the metric.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Listening } from '../../bench/lib/child.ts';
import { askTls, hasHaproxy, hasNginxStream, startHaproxy, startNginxStream } from '../support/balancers.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { openLab } from '../support/lab.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';

const document = readDocument('docs/load-balancers.md');

let certificates: CertificateFolder;
beforeAll(() => {
  certificates = openCertificates();
  if (!hasOpenssl) return;
  certificates.authority('ca');
  certificates.issue('secrets.example', 'secrets.example', 'ca');
});
afterAll(() => certificates[Symbol.dispose]());

/** Its only block of a language, on this machine. */
function blockOf(language: string, places: Readonly<Record<string, string>>): string {
  const [block = '', ...others] = blocksOf(document, language);
  expect(others).toEqual([]);
  return Object.entries(places).reduce((text, [there, here]) => {
    expect(text).toContain(there);
    return text.replace(there, here);
  }, block);
}

type Balance = (gateway: string) => Promise<Listening>;
const haproxy: Balance = (gateway) =>
  startHaproxy(certificates.path, (port) =>
    blockOf('haproxy', { 'bind :443': `bind 127.0.0.1:${port}`, '10.20.1.10:8443': gateway }),
  );
const nginx: Balance = (gateway) =>
  startNginxStream(certificates.path, (port) =>
    blockOf('nginx', { 'listen 443': `listen 127.0.0.1:${port}`, '10.20.1.10:8443': gateway }),
  );

describe.each([
  ['HAProxy', hasHaproxy, haproxy],
  ['nginx', hasNginxStream, nginx],
] as const)('the configurations', (name, isThere, balance) => {
  it.runIf(isThere && hasOpenssl)(`of ${name} and the gateway name the caller to the region`, async () => {
    const places = {
      '8443': '0',
      '10.20.0.0/24': '127.0.0.1',
      'secrets.example.pem': certificates.at('secrets.example.pem'),
      'secrets.example.key': certificates.at('secrets.example.key'),
    };
    const lab = await openLab({ config: parse(blockOf('yaml', places)) });
    const balancer = await balance(`127.0.0.1:${new URL(lab.gateway.url).port}`);
    const answer = await askTls(balancer.ports[0] ?? 0, '127.0.0.9', certificates.read('ca.pem'));
    await balancer[Symbol.asyncDispose]();
    await lab.close();
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(lab.us.requests[0]?.headers).toContainEqual(['x-forwarded-for', '127.0.0.9']);
  });
});

it('tells of each result of the metric, and of no other', async () => {
  const lab = await openLab();
  const series = [...(await lab.metrics()).matchAll(/^onetime_gateway_proxy_headers_total\{result="(\w+)"\}/gm)];
  await lab.close();
  const results = series.map(([, result = '']) => result);
  expect(results).toHaveLength(6);
  const looks = document.split('### When it does not work')[1] ?? '';
  for (const result of results) expect(looks).toContain(`\`${result}\``);
  const told = rowsOf(looks).map(([first]) => inCode(first?.split(' ')[0]));
  for (const word of told.filter((each) => each !== '')) expect(results).toContain(word);
});
