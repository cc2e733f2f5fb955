// Operators' connections are bounded, and one that is let go makes room for the next.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { MOST_OPERATORS } from '../../src/listener/operators.ts';
import { call } from '../support/http.ts';
import { openLab } from '../support/lab.ts';

it('closes one connection too many at once, and serves the next when another one has gone', async () => {
  const lab = await openLab();
  const { hostname, port } = new URL(lab.gateway.adminUrl);
  const idle: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of idle) socket.destroy();
    await lab.close();
  });
  while (idle.length < MOST_OPERATORS) {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    idle.push(socket);
  }
  await expect(call(lab.gateway.adminUrl, 'GET', '/livez')).rejects.toThrow();
  expect(idle.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([]);
  // Callers are others.
  expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(200);
  idle.pop()?.destroy();
  await expect
    .poll(() =>
      call(lab.gateway.adminUrl, 'GET', '/livez').then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
});
