// Where answers of a region lead: redirects are not followed, and none leads to a region behind the gateway's back.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import { forbiddenHosts, leadsAstray, mayLead } from '../../src/region/location.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';

const EU = 'eu' as RegionName;
const US = 'us' as RegionName;
const REGIONS = [
  {
    name: EU,
    upstreams: ['https://eu.example', 'http://10.0.0.7:8080'],
    hosts: ['eu.gw.example'],
    web: 'https://eu.pages.example',
  },
  {
    name: US,
    upstreams: ['https://us.example.', 'https://[fd00::7]'],
    hosts: ['us.gw.example'],
    web: 'https://us.pages.example/x',
  },
];
const forbidden = forbiddenHosts(REGIONS, EU);
const isForbidden = (host: string): boolean => forbidden.has(host);

describe('a reference', () => {
  it.each([
    'https://us.example/x',
    'http://us.example:81',
    'https://US.Example./x',
    'https://us.gw.example',
    'https://us.pages.example',
    'https://[FD00:0::7]/',
    'https://eu.example/its/own/upstream',
    'http://10.0.0.7/by/address',
    'http://0xa.7/x',
    '//us.example/x',
    '\\\\us.example\\x',
    'https:us.example/x',
    ' https://us.example',
    'ht\ttps://us.example',
    'https://caller@us.example',
    'https://u%73.example',
    'https://ｕs.example',
  ])('to a region leads astray: %j', (reference) => {
    expect(leadsAstray('location', reference, isForbidden)).toBe(true);
    expect(leadsAstray('content-location', reference, isForbidden)).toBe(true);
    expect(mayLead(reference, isForbidden)).toBe(false);
  });

  it.each([
    '/x',
    'x?y=https://us.example',
    '',
    '#x',
    'https://other.example',
    'https://us.example.org',
    'https://eu.gw.example',
    'https://eu.pages.example',
  ])('to the gateway, or out into the world, does not: %j', (reference) => {
    expect(leadsAstray('location', reference, isForbidden)).toBe(false);
    expect(mayLead(reference, isForbidden)).toBe(true);
  });

  it.each(['http://[', 'javascript:alert(1)', 'ftp://us.example', 'data:,x', 'http://'])(
    'that no browser follows over HTTP may not cross: %j',
    (reference) => {
      expect(leadsAstray('location', reference, isForbidden)).toBe(false);
      expect(mayLead(reference, isForbidden)).toBe(false);
    },
  );

  it.each([
    ['refresh', '0; url=https://us.example/', true],
    ['refresh', '5;URL = "https://us.example/"', true],
    ['refresh', "1, 'https://us.example/'", true],
    ['refresh', '0;https://us.example', true],
    ['refresh', '5', false],
    ['refresh', '0; url=/next', false],
    ['link', '<https://us.example/x>; rel=next', true],
    ['link', '</y>; rel=prev, <https://us.example/x>; rel="next"', true],
    ['link', '<https://other.example/x>; rel=next', false],
    ['link', 'https://us.example', false],
    ['server', 'https://us.example', false],
    ['constructor', 'https://us.example', false],
  ])('in %s: %s leads astray: %s', (name, value, astray) => {
    expect(leadsAstray(name, value, isForbidden)).toBe(astray);
  });
});

describe('an answer', () => {
  let us: PageRegion;
  let eu: PageRegion;
  let lab: Lab;
  let headers: Record<string, string | string[]>;
  beforeEach(async () => {
    const redirect = (_req: IncomingMessage, res: ServerResponse): void => {
      res.writeHead(302, { 'Content-Length': 2, ...headers }).end('{}');
    };
    us = await openPageRegion(redirect);
    eu = await openPageRegion(redirect);
    lab = await openLab({
      upstreams: { us: [us.url], eu: [eu.url] },
      config: { passthrough: [{ prefix: '/app', region: 'eu' }] },
    });
  });
  afterEach(async () => {
    await lab.close();
    await Promise.all([us.close(), eu.close()]);
  });
  const removed = (region = 'eu') => lab.metric(`onetime_gateway_upstream_location_removed_total{region="${region}"}`);

  it.each(['Location', 'Content-Location', 'Refresh'])(
    'of the API with %s to another region loses it, counted, and is not followed',
    async (name) => {
      const prefix = name === 'Refresh' ? '0; url=' : '';
      for (const goal of [`${us.url}/api/v1/status`, 'https://us.gateway.example/x', `${eu.url}/x`]) {
        headers = { [name]: prefix + goal };
        const reply = await lab.call('GET', '/eu/api/v1/status');
        expect([reply.status, reply.headers['onetime-gateway-region']]).toEqual([302, 'eu']);
        expect(JSON.stringify(reply.headers)).not.toMatch(/location|refresh|127\.0\.0\.1|us\.gateway/i);
      }
      expect([us.requests.length, eu.requests.length]).toEqual([0, 3]);
      expect([await removed(), await removed('us')]).toEqual([3, 0]);
    },
  );

  it('of the API with a Location to anywhere else loses it as well, uncounted', async () => {
    headers = { Location: 'https://elsewhere.example/x', Link: `<${us.url}>; rel=next` };
    const reply = await lab.call('GET', '/eu/api/v1/status');
    expect([reply.status, reply.headers.location, reply.headers.link]).toEqual([302, undefined, undefined]);
    headers = { Location: 'http://[' };
    expect((await lab.call('GET', '/eu/api/v1/status')).headers.location).toBeUndefined();
    expect(await removed()).toBe(0);
  });

  it('of a passed-through path loses what leads astray, counted, and keeps the rest', async () => {
    headers = {
      Location: `${us.url}/x`,
      Refresh: `0; url=${us.url}`,
      Link: [`<${us.url}/x>; rel=next`, '</y>; rel=prev'],
      'Content-Location': '/app/here',
    };
    const reply = await lab.call('GET', '/app/x');
    expect(reply.headers).toMatchObject({ 'content-location': '/app/here' });
    expect(JSON.stringify(reply.headers)).not.toContain('127.0.0.1');
    expect(await removed()).toBe(3);
    headers = { Link: '</y>; rel=prev', Location: '/app/next', Refresh: '5' };
    const kept = await lab.call('GET', '/app/x');
    expect(kept.headers).toMatchObject({ link: '</y>; rel=prev', location: '/app/next' });
    expect(await removed()).toBe(3);
    expect([us.requests.length, eu.requests.length]).toEqual([0, 2]);
  });

  it('of a passed-through path with two Locations keeps neither where one leads astray', async () => {
    headers = { Location: ['https://elsewhere.example/', `${us.url}/x`] };
    const reply = await lab.call('GET', '/app/x');
    expect([reply.status, reply.headers.location]).toEqual([302, undefined]);
    expect(await removed()).toBe(1);
  });
});
