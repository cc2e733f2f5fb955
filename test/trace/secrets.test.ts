// Nothing secret goes to the collector: a run full of secrets, and a search for them in every byte that was sent there.
import { expect, it } from 'vitest';
import { ALICE, BRUNO, openLab, WANDERER } from '../support/lab.ts';
import { startCollector } from './otlp.ts';

const PASSPHRASE = 'pa55phrase-of-the-run';
const VALUE = 'the-value-nobody-may-keep';
const CLIENT = '127.7.7.7';
const IDEMPOTENCY_KEY = '3f1c5a52-9e0d-4ac5-8ab8-5a0d1f6e7c11';
/** In headers that a caller may write what it likes in. */
const HEADERS = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'canary=state-s3cret',
  baggage: 'user=baggage-s3cret',
  'user-agent': 'agent-s3cret',
  'x-request-id': 'request-s3cret',
  'x-forwarded-for': '203.0.113.77',
  cookie: 'session=cookie-s3cret',
  'content-language': 'language-s3cret',
};

/** As bytes may hold a text. */
function spellingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  return [text, encodeURIComponent(text), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
}

it('no key, path, query, name, token, body, header or address of the run is in what the collector was sent', async () => {
  await using collector = await startCollector();
  const lab = await openLab({
    config: {
      tracing: { otlp: collector.url, sample: 1, headers: { Authorization: 'Bearer collector-s3cret' } },
      passthrough: [{ prefix: '/help', region: 'us' }],
    },
  });
  const secrets = [
    PASSPHRASE,
    VALUE,
    CLIENT,
    IDEMPOTENCY_KEY,
    's3cret',
    '203.0.113.77',
    ...[ALICE, BRUNO, WANDERER].flatMap((account) => [account, ...account.split(':')]),
    ...[lab.gateway.url, lab.gateway.adminUrl].map((url) => new URL(url).port),
  ];
  const more = { headers: HEADERS, from: CLIENT };
  const params = `secret=${VALUE}&passphrase=${PASSPHRASE}&ttl=3600`;
  for (const as of [ALICE, BRUNO]) {
    const region = as === ALICE ? 'us' : 'eu';
    const made = await lab.create({ ...more, as, params });
    secrets.push(made.secret, made.metadata);
    const headers = { ...HEADERS, 'idempotency-key': IDEMPOTENCY_KEY };
    await lab.call('POST', `/${region}/api/v1/secret/${made.secret}?passphrase=${PASSPHRASE}-not`, more);
    await lab.call('POST', `/${region}/api/v1/secret/${made.secret}`, { ...more, body: `passphrase=${PASSPHRASE}` });
    await lab.call('GET', `/api/v1/private/${made.metadata}`, { ...more, as });
    await lab.call('POST', `/api/v1/private/${made.metadata}/burn`, { as, headers, from: CLIENT });
    await lab.call('GET', '/api/v1/private/recent', { ...more, as });
    await lab.call('GET', '/api/v1/private/recent', { ...more, as: `${as}-${VALUE}` });
    await lab.call('POST', `/api/v1/secret/${made.secret}/%2e`, { ...more, as });
    await lab.call('PURGE', `/${made.secret}`, more);
    await lab.call('GET', `/help/${VALUE}?q=${PASSPHRASE}`, more);
    await lab.call('GET', `/secret/${made.secret}`, more);
    await lab.call('GET', `/${made.secret}/api/v1/status`, { ...more, headers: { 'Onetime-Region': made.secret } });
  }
  await lab.us.close();
  await lab.call('POST', `/us/api/v1/secret/${VALUE}?passphrase=${PASSPHRASE}`, { ...more, as: WANDERER });
  await lab.close();

  expect(collector.spans.length).toBeGreaterThan(120);
  expect(new Set(collector.spans.map(({ name }) => name))).toContain('replay');
  const sent = Buffer.concat(collector.bodies).toString('latin1').toLowerCase();
  expect(secrets.flatMap(spellingsOf).filter((text) => sent.includes(text.toLowerCase()))).toEqual([]);
  const heads = JSON.stringify(collector.headers.map(({ authorization: _own, ...others }) => others));
  expect(secrets.filter((text) => heads.includes(text) && !/^\d+$/.test(text))).toEqual([]);
  expect(collector.headers.map(({ authorization }) => authorization)).toContain('Bearer collector-s3cret');
  for (const { events, statusMessage, traceState } of collector.spans) {
    expect([events, statusMessage, traceState]).toEqual([0, '', '']);
  }
  const left = [...lab.log].join('\n');
  expect(left).not.toContain('collector-s3cret');
});
