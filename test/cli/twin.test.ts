// `twin`: one stand-in region as a command.
import { expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { takePort } from '../support/ports.ts';
import { runCli, startCli } from '../support/process.ts';

it('prints its address and accounts, answers, and ends on SIGTERM with exit 0', async () => {
  await using twin = await startCli(['twin', '--region', 'eu', '--host', '0.0.0.0', '--port', '0']);
  const [, port] = await twin.line(/^twin region eu \(0\.20\) at http:\/\/0\.0\.0\.0:(\d+)$/m);
  const [, account] = await twin.line(/^account (bruno@eu\.example:\S+)$/m);
  const url = `http://127.0.0.1:${port}`;
  expect(await call(url, 'GET', '/api/v1/authcheck', { as: account })).toMatchObject({ status: 200 });
  twin.kill('SIGTERM');
  expect(await twin.exited).toEqual({ code: 0, signal: null });
});

it('answers as the newer service when asked to: keys of 62 characters', async () => {
  await using twin = await startCli(['twin', '--port', '0', '--answers-as', '0.26']);
  const [, url = ''] = await twin.line(/^twin region us \(0\.26\) at (\S+)$/m);
  const created = (await call(url, 'POST', '/api/v1/share', { body: 'secret=x' })).json();
  expect(String(created.secret_key)).toHaveLength(62);
});

it('says that its port is taken and how to choose another', async () => {
  await using taken = await takePort();
  const { code, stderr } = await runCli(['twin', '--port', String(taken.port)]);
  expect(code).toBe(71);
  expect(stderr).toBe(
    `Port ${taken.port} is taken: something else listens on 127.0.0.1:${taken.port}. Choose another with --port.\n`,
  );
});
