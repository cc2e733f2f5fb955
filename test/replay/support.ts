// A vault with a clock moved by hand, and answers of every kind.
import fc from 'fast-check';
import { createMemoryShelf } from '../../src/replay/shelf.ts';
import {
  type Began,
  createVault,
  type Replayable,
  type ReplayRequest,
  type Vault,
  type VaultOptions,
} from '../../src/replay/vault.ts';

export const KEEP_MS = 300_000;
export const MAX_BYTES = 1024 * 1024;
export const KEY = '8e03978e-40d5-43e8-bc93-6894a57f9324';
export const CALLER = 'Basic YW5uYUBleGFtcGxlLm9yZzp0b2tlbi1vZi1hbm5h';
export const REVEAL: ReplayRequest = {
  method: 'POST',
  target: '/api/v2/secret/3xyz/reveal?continue=true',
  contentType: 'application/json',
  body: Buffer.from('{"passphrase":"open sesame"}'),
};
export const ANSWER: Replayable = {
  kind: 'answered',
  status: 200,
  headers: ['content-type', 'application/json', 'x-latin1', 'caf\u00e9 \u00ff'],
  body: Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80, 10, 13, 0]),
  region: 'eu',
};
export const UNKNOWN: Replayable = { kind: 'unknown', code: 'region_timeout' };
export const NOT_KEPT: Replayable = { kind: 'unknown', code: 'answer_not_kept' };

export function openVault(options: Partial<VaultOptions> = {}) {
  const clock = { ms: 1_000 };
  const now = () => clock.ms;
  const bounds = { keepMs: KEEP_MS, maxBytes: MAX_BYTES, now, ...options };
  const shelf = createMemoryShelf(bounds);
  return { clock, shelf, vault: createVault({ ...bounds, shelf, ...options }) };
}

interface Asked {
  readonly key?: string;
  /** Given as undefined: anonymous. */
  readonly caller?: string | undefined;
  readonly request?: ReplayRequest;
}

/** Begins, and fails unless nobody was before. */
export function beginFirst(vault: Vault, asked: Asked = {}): Extract<Began, { kind: 'first' }> {
  const { key, caller, request } = { key: KEY, caller: CALLER, request: REVEAL, ...asked };
  const began = vault.begin(key, caller, request);
  if (began.kind !== 'first') throw new Error(`expected first, got ${began.kind}`);
  return began;
}

export const answers: fc.Arbitrary<Replayable> = fc.oneof(
  fc.record({
    kind: fc.constant('answered' as const),
    status: fc.integer({ min: 200, max: 299 }),
    headers: fc.array(
      fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) }),
    ),
    body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    region: fc.constantFrom('eu', 'us'),
  }),
  fc.record({ kind: fc.constant('unknown' as const), code: fc.constantFrom('region_failed', 'region_timeout') }),
);
