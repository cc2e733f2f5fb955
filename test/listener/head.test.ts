// The front door remembers the last good Host: before the first one it remembers nothing. In a file of its own, since no other
// Host may have come before. All else of it is tested at the level of bytes (test/security/front-door.test.ts).
import { expect, it } from 'vitest';
import { openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

it('refuses an empty Host also when it is the very first that comes', async () => {
  const lab = await openLab();
  try {
    const caller = rawCaller(lab.gateway.url);
    caller.send('GET /us/api/v1/status HTTP/1.1\r\nHost:\r\n\r\n');
    await caller.sees(/\r\n\r\n/);
    expect(caller.received()).toMatch(/^HTTP\/1\.1 400 [\s\S]*Onetime-Gateway-Outcome: not_sent/);
    await caller.closed;
    expect(lab.us.requests).toEqual([]);
  } finally {
    await lab.close();
  }
});
