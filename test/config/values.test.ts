import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string) => parseConfig(text, 'g.yaml', {});

describe('values are normalised', () => {
  it.each([
    ['200ms', 200],
    ['3s', 3_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ])('duration %s is %d ms', (text, ms) => {
    expect(parse(`limits: { perKey: { per: ${text} } }\n${REGIONS}`).limits.perKey.perMs).toBe(ms);
  });

  it.each([
    ['900B', 900],
    ['500kB', 500_000],
    ['2MB', 2_000_000],
    ['512KiB', 524_288],
    ['2MiB', 2_097_152],
  ])('size %s is %d bytes', (text, bytes) => {
    expect(parse(`request: { bodyLimit: ${text} }\n${REGIONS}`).request.bodyLimitBytes).toBe(bytes);
  });

  it.each([
    ['512B/s', 512],
    ['1KiB/s', 1024],
    ['2MB/s', 2_000_000],
  ])('least rate %s is %d bytes a second, after its time', (text, bytesPerSecond) => {
    const { request } = parse(`request: { minRate: ${text}, minRateAfter: 3s }\n${REGIONS}`);
    expect(request.minRate).toEqual({ bytesPerSecond, afterMs: 3000 });
  });

  it('off is no least rate, and no bound on connections', () => {
    const off = 'listen: { maxConnectionsPerAddress: off, maxRequestsPerConnection: off }';
    const { listen, request } = parse(`request: { minRate: off }\n${off}\n${REGIONS}`);
    expect([request.minRate, listen.maxConnectionsPerAddress, listen.maxRequestsPerConnection]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['7', 7],
    ['"7"', 7],
    ['1000000', 1_000_000],
  ])('connections of an address: %s is %d', (text, count) => {
    expect(parse(`listen: { maxConnectionsPerAddress: ${text} }\n${REGIONS}`).listen.maxConnectionsPerAddress).toBe(
      count,
    );
  });

  it.each([
    ['192.0.2.7', '192.0.2.7/32'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['"::1"', '::1/128'],
    ['2001:DB8:0::1/32', '2001:db8::/32'],
    ['"::ffff:192.0.2.7"', '192.0.2.7/32'],
    ['"::ffff:10.0.0.0/104"', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('trusted proxy %s is %s', (text, cidr) => {
    expect(parse(`listen:\n  trustProxy:\n    - ${text}\n${REGIONS}`).listen.trustProxy).toEqual([cidr]);
  });

  it('keeps regions in the order of the file, upstreams as origins, hosts in lower case', () => {
    const text = `regions:
  zz: { upstreams: ["HTTPS://Z.example:443/", "http://10.0.0.7:7143"], hosts: [Z.Secrets.Example, z2.example.] }
  aa: { upstreams: [http://127.0.0.1:7143] }
  ca-2: { upstreams: ["http://[::1]:7143"] }`;
    expect(parse(text).regions).toEqual([
      {
        name: 'zz',
        upstreams: ['https://z.example', 'http://10.0.0.7:7143'],
        hosts: ['z.secrets.example', 'z2.example'],
        web: 'https://z.example',
      },
      { name: 'aa', upstreams: ['http://127.0.0.1:7143'], hosts: [], web: 'http://127.0.0.1:7143' },
      { name: 'ca-2', upstreams: ['http://[::1]:7143'], hosts: [], web: 'http://[::1]:7143' },
    ]);
  });

  it('reads rules: trimmed, lower case, NFC, pinned unless it says otherwise', () => {
    const text = `accounts:
  unknown: eu
  rules:
    - { account: " Jose\u0301@Corp.Example ", region: us, pinned: false, also: [eu, eu] }
    - { domain: EU.Example, region: eu }
${REGIONS}`;
    expect(parse(text).accounts).toMatchObject({
      unknown: { kind: 'region', region: 'eu' },
      rules: [
        { account: 'jos\u00e9@corp.example', region: 'us', pinned: false, also: ['eu'] },
        { domain: 'eu.example', region: 'eu', pinned: true, also: [] },
      ],
    });
  });

  it('reads regions for anonymous callers, and the one region of a gateway', () => {
    const text = `anonymous: { create: us }
self: { region: us, gateways: { us: "https://us.example/", eu: "https://eu.example/base/" } }
${REGIONS}`;
    const { anonymous, self } = parse(text);
    expect(anonymous).toEqual({ create: 'us', retrieve: undefined });
    expect(self.region).toBe('us');
    expect([...self.gateways]).toEqual([
      ['us', 'https://us.example'],
      ['eu', 'https://eu.example/base'],
    ]);
  });

  it('resolves anchors and aliases', () => {
    const text = `limits: { perKey: &slow { per: 1h, requests: 5 }, failedAuth: *slow }\n${REGIONS}`;
    expect(parse(text).limits.failedAuth).toEqual({ perMs: 3_600_000, requests: 5, burst: 10, mode: 'enforce' });
  });

  it('accepts the same port for both listeners where their addresses differ, or where the system chooses', () => {
    expect(errorsOf(`listen: { host: 10.0.0.1, port: 9464 }\n${REGIONS}`)).toEqual([]);
    expect(errorsOf(`listen: { port: 0 }\nadmin: { host: 0.0.0.0, port: 0 }\n${REGIONS}`)).toEqual([]);
  });

  it('accepts the account in front of the rule for its domain', () => {
    const rules = '[{ account: a@x.example, region: us }, { domain: x.example, region: eu }]';
    expect(errorsOf(`accounts: { rules: ${rules} }\n${REGIONS}`)).toEqual([]);
    // a name without @ is of no domain
    const plain = '[{ domain: corp, region: us }, { account: corp, region: eu }]';
    expect(errorsOf(`accounts: { rules: ${plain} }\n${REGIONS}`)).toEqual([]);
  });
});
