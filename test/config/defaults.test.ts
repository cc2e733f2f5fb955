import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { REGIONS } from './support.ts';

// every key that has a default
const DOCUMENTED = `
listen:  { host: 0.0.0.0, port: 8080, trustProxy: [], proxyProtocol: false, maxConnections: 10000, maxConnectionsPerAddress: off, maxRequestsPerConnection: 10000, idleTimeout: 72s }
admin:   { host: 127.0.0.1, port: 9464, hosts: [], tokens: [], console: true }
regions:
  us: { upstreams: ["https://us.onetimesecret.com"], hosts: [], web: "https://us.onetimesecret.com" }
  eu: { upstreams: ["https://eu.onetimesecret.com"], hosts: [], web: "https://eu.onetimesecret.com" }
accounts:
  unknown: refuse
  rules: []
  order: [directory, source, rules]
  lease: 5m
anonymous: { create: refuse, retrieve: refuse }
private:   { verify: authcheck, ownership: enforce }
errors: accurate
passthrough: []
limits:
  anonymousRetrieval: { per: 60s, requests: 60, burst: 20, missCost: 3, ipv6Prefix: 64, mode: enforce }
  perKey:             { per: 60s, requests: 10, burst: 10, mode: enforce }
  failedAuth:         { per: 10m, requests: 10, burst: 10, mode: enforce }
  account:            { per: 60s, requests: 600, burst: 100, mode: enforce }
  regionBudget:       { per: 20m, requests: 800, burst: 800, mode: shadow }
upstream: { connectTimeout: 3s, headersTimeout: 15s, bodyTimeout: 15s, idleTimeout: 4s, connections: 256, queue: { most: 1024, wait: 3s }, forwardClientAddress: true, proxy: null }
health:   { probe: 60s, breaker: { failures: 5, open: 10s, mode: enforce } }
request:  { bodyLimit: 2MiB, timeout: 30s, headersTimeout: 10s, headerBytes: 16KiB, headerCount: 100, targetLength: 8KiB, minRate: 1KiB/s, minRateAfter: 5s }
overload: { eventLoopDelay: 500ms, heap: 0.9, memory: 0.9, mode: enforce }
replay:   { keep: 5m, maxBytes: 64MiB, shared: true }
reference: { openapi: true, docs: true }
self:     { region: null, gateways: {} }
reload:
  watch: true
workers: auto
store: sqlite:data/gateway.db
storeTimeout: 50ms
identityKey: data/identity.key
audit:
  file: data/audit.jsonl
  key: data/audit.key
  flush: 200ms
  onFailure: refuse
  heads: 60s
  rotate: { size: 256MiB, every: day }
  keep: 400d
  compress: true
log:      { level: info, format: auto, sample: 1, slow: 1s, client: none }
tracing:  { otlp: null, headers: {}, sample: 0.1, service: onetime-gateway, timeout: 5s }
`;

const EXPECTED = {
  listen: {
    host: '0.0.0.0',
    port: 8080,
    trustProxy: [],
    proxyProtocol: false,
    maxConnections: 10_000,
    maxConnectionsPerAddress: undefined,
    maxRequestsPerConnection: 10_000,
    idleTimeoutMs: 72_000,
  },
  admin: { host: '127.0.0.1', port: 9464, hosts: [], tokens: [], console: true },
  regions: [
    { name: 'us', upstreams: ['https://us.onetimesecret.com'], hosts: [], web: 'https://us.onetimesecret.com' },
    { name: 'eu', upstreams: ['https://eu.onetimesecret.com'], hosts: [], web: 'https://eu.onetimesecret.com' },
  ],
  accounts: { unknown: { kind: 'refuse' }, rules: [], order: ['directory', 'source', 'rules'], leaseMs: 300_000 },
  anonymous: { create: undefined, retrieve: undefined },
  private: { verify: 'authcheck', ownership: 'enforce' },
  errors: 'accurate',
  passthrough: [],
  limits: {
    anonymousRetrieval: { perMs: 60_000, requests: 60, burst: 20, missCost: 3, ipv6Prefix: 64, mode: 'enforce' },
    perKey: { perMs: 60_000, requests: 10, burst: 10, mode: 'enforce' },
    failedAuth: { perMs: 600_000, requests: 10, burst: 10, mode: 'enforce' },
    account: { perMs: 60_000, requests: 600, burst: 100, mode: 'enforce' },
    regionBudget: { perMs: 1_200_000, requests: 800, burst: 800, mode: 'shadow' },
  },
  upstream: {
    connectTimeoutMs: 3_000,
    headersTimeoutMs: 15_000,
    bodyTimeoutMs: 15_000,
    idleTimeoutMs: 4_000,
    connections: 256,
    queue: { most: 1024, waitMs: 3_000 },
    forwardClientAddress: true,
    proxy: undefined,
  },
  health: { probeMs: 60_000, breaker: { failures: 5, openMs: 10_000, mode: 'enforce' } },
  request: {
    bodyLimitBytes: 2_097_152,
    timeoutMs: 30_000,
    headersTimeoutMs: 10_000,
    headerBytes: 16_384,
    headerCount: 100,
    targetBytes: 8192,
    minRate: { bytesPerSecond: 1024, afterMs: 5000 },
  },
  overload: { eventLoopDelayMs: 500, heap: 0.9, memory: 0.9, mode: 'enforce' },
  replay: { keepMs: 300_000, maxBytes: 67_108_864, shared: true },
  reference: { openapi: true, docs: true },
  self: { region: undefined, gateways: new Map() },
  reload: { watch: true },
  workers: availableParallelism(),
  store: { kind: 'sqlite', path: resolve('data/gateway.db') },
  storeTimeoutMs: 50,
  identityKeyFile: resolve('data/identity.key'),
  audit: {
    file: resolve('data/audit.jsonl'),
    keyFile: resolve('data/audit.key'),
    flushMs: 200,
    onFailure: 'refuse',
    headsMs: 60_000,
    rotate: { sizeBytes: 268_435_456, every: 'day' },
    keepMs: 400 * 86_400_000,
    compress: true,
  },
  log: { level: 'info', format: 'auto', sample: 1, slowMs: 1_000, client: 'none' },
  tracing: undefined,
};

describe('defaults', () => {
  it('are those of the documented block, written out', () => {
    expect(parseConfig(DOCUMENTED, 'g.yaml', {})).toStrictEqual(EXPECTED);
  });

  it('are the same when only regions are given', () => {
    expect(parseConfig(REGIONS, 'g.yaml', {})).toStrictEqual(EXPECTED);
  });

  it('hold for sections and lists with nothing behind the key', () => {
    const empty = `listen:\nadmin:\nlimits:\n  perKey:\naccounts:\n  rules:\nself:\n  gateways:\nhealth:\n  breaker:\naudit:\n  rotate:\nreplay:\npassthrough:\n${REGIONS}`;
    expect(parseConfig(empty, 'g.yaml', {})).toStrictEqual(EXPECTED);
  });

  it('fill what a section leaves out', () => {
    const { limits } = parseConfig(`limits: { perKey: { requests: 3 } }\n${REGIONS}`, 'g.yaml', {});
    expect(limits).toStrictEqual({ ...EXPECTED.limits, perKey: { ...EXPECTED.limits.perKey, requests: 3 } });
  });
});
