// The names of regions cannot be looked up, by the system's own resolver: what is known goes on, what is not is told at once
// and not sent, other regions notice nothing, and all is well when names are there again.
import type { Agent } from 'node:http';
import { expect, it } from 'vitest';
import { call, type Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { HAS_OWN_DISK as HAS_OWN_MOUNTS } from '../support/own-disk.ts';
import { openServed, openWorld } from '../workers/served.ts';

const NAME = 'us.region.test';
const NO_NAMES = '127.0.0.1 localhost\n';
/** Nobody listens there: the resolver is told so at once. */
const NO_RESOLVER = 'nameserver 127.0.0.53\noptions timeout:1 attempts:1\n';

const through = (folder: string): readonly string[] => [
  ...['unshare', '-rm', 'sh', '-c'],
  'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"',
  folder,
];

it.skipIf(!HAS_OWN_MOUNTS).each([1, 2])(
  'names that are away at the start, then there, then away again, with %i worker(s)',
  async (workers) => {
    await using world = await openWorld();
    const { folder, us } = world;
    folder.write('hosts', NO_NAMES);
    folder.write('resolv.conf', NO_RESOLVER);
    const made = await call(us.url, 'POST', '/api/v1/share', { as: ALICE, body: 'secret=still+there&ttl=3600' });
    const secret = String(made.json().secret_key);
    us.clearLedger();
    await using from = await openServed({
      workers,
      before: world,
      through: through(folder.path),
      upstreams: { us: `http://${NAME}:${us.port}` },
      // Each call opens a connection of its own.
      config: {
        upstream: { idleTimeout: '10ms' },
        health: { probe: '50ms', breaker: { failures: 3, open: '100ms', mode: 'enforce' } },
      },
    });
    const retrieve = (): Promise<Reply> => from.call('POST', `/us/api/v1/secret/${secret}`);
    const status = (region: string, agent?: Agent): Promise<Reply> =>
      from.call('GET', `/${region}/api/v1/status`, agent && { agent });

    const first = await retrieve();
    expect([first.status, first.json().error, first.json().outcome]).toEqual([502, 'region_unreachable', 'not_sent']);
    expect(first.body).not.toContain(NAME);
    await expect.poll(async () => (await retrieve()).json().error).toBe('region_down');
    expect(await from.metric('onetime_gateway_region_up{region="us"}')).toBe(0);
    expect((await status('eu')).status).toBe(200);
    expect((await call(from.adminUrl, 'GET', '/readyz')).status).toBe(200);
    const cause = from.log().find(({ refusal }) => refusal === 'region_unreachable')?.cause;
    expect(cause).toMatchObject({ code: expect.stringMatching(/^(EAI_AGAIN|ENOTFOUND)$/) });
    expect(us.requests).toEqual([]);
    expect(us.secret(secret)?.consumed).toBe(false);

    folder.write('hosts', `${NO_NAMES}127.0.0.1 ${NAME}\n`);
    // By itself: the region is asked when its breaker may be tried.
    await expect.poll(() => from.metric('onetime_gateway_region_up{region="us"}'), { timeout: 10_000 }).toBe(1);
    // Each thread remembers for itself.
    const agents = [...(await from.reach()).values()];
    for (const agent of agents) {
      await expect.poll(async () => (await status('us', agent)).status, { timeout: 10_000 }).toBe(200);
    }

    folder.write('hosts', NO_NAMES);
    for (const agent of [...agents, ...agents]) expect((await status('us', agent)).status).toBe(200);
    expect(await retrieve()).toMatchObject({ status: 200 });
    expect(us.requests.filter(({ path }) => path.endsWith(secret))).toHaveLength(1);
    expect((await from.stop('SIGTERM')).code).toBe(0);
  },
  60_000,
);
