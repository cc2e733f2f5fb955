// Nothing secret stays behind: a full run at log level trace, then a search for everything secret that was in it.
import { expect, it } from 'vitest';
import { ALICE, BRUNO, openLab, WANDERER } from '../support/lab.ts';

const PASSPHRASE = 'pa55phrase-of-the-run';
const VALUE = 'the-value-nobody-may-keep';

it('no key, token, passphrase, secret or account name of the run is in logs or metrics', async () => {
  const lab = await openLab();
  const secrets = [PASSPHRASE, VALUE, ...[ALICE, BRUNO, WANDERER].flatMap((account) => account.split(':'))];
  const note = async (options: Parameters<typeof lab.create>[0]): Promise<{ secret: string; metadata: string }> => {
    const made = await lab.create(options);
    secrets.push(made.secret, made.metadata);
    return made;
  };

  const params = `secret=${VALUE}&passphrase=${PASSPHRASE}&ttl=3600`;
  for (const as of [ALICE, BRUNO]) {
    const made = await note({ as, params });
    const region = as === ALICE ? 'us' : 'eu';
    await lab.call('POST', `/${region}/api/v1/secret/${made.secret}?passphrase=${PASSPHRASE}-not`);
    await lab.call('POST', `/${region}/api/v1/secret/${made.secret}`, { body: `passphrase=${PASSPHRASE}` });
    await lab.call('GET', `/api/v1/private/${made.metadata}`, { as });
    await lab.call('POST', `/api/v1/private/${made.metadata}/burn`, { as });
    await lab.call('GET', `/${region}/api/v1/private/${made.metadata}`);
    await lab.call('GET', '/api/v1/private/recent', { as });
    await lab.call('POST', `/api/v1/secret/${made.secret}/%2e`, { as });
    await lab.call(made.secret.toUpperCase(), '/api/v1/status').catch(() => {});
    await lab.call('GET', `/${made.secret}/api/v1/status`, { headers: { 'Onetime-Region': made.secret } });
  }
  await lab.call('POST', `/us/api/v1/secret/nosuchkey000000000000000000000`, { as: WANDERER });
  await lab.call('GET', '/api/v1/authcheck', { as: `${BRUNO.split(':')[0]}:${VALUE}` });
  const { secret } = await note({ as: BRUNO, params: `secret=${VALUE}` });
  await lab.eu.close();
  await lab.call('POST', `/eu/api/v1/secret/${secret}?passphrase=${PASSPHRASE}`);
  const metrics = await lab.metrics();
  await lab.close();

  const left = [...lab.log, metrics].join('\n');
  expect(lab.log.length).toBeGreaterThan(20);
  expect(left).toContain('v1.secret');
  const spellings = secrets.flatMap((text) => [text, encodeURIComponent(text), Buffer.from(text).toString('base64')]);
  expect(spellings.filter((text) => left.toLowerCase().includes(text.toLowerCase()))).toEqual([]);
});
