// Holds an answer of the twin against the recorded one: same shape, key order, types and values, but for what is generated.
import { expect } from 'vitest';
import type { Names } from './names.ts';
import { type Exchange, isCutPage } from './transcripts.ts';
import type { WireAnswer } from './wire.ts';

export interface Context {
  readonly names: Names;
  readonly nowSeconds: number;
}

const KEY_FIELDS = new Set(['metadata_key', 'secret_key', 'identifier', 'key']);
const SHORT_KEY_FIELDS = new Set(['secret_shortkey', 'shortkey']);
const DATE_FIELDS = new Set(['created', 'updated', 'received', 'viewed', 'burned', 'shared']);
const COUNTERS = new Set(['secrets_created', 'secrets_burned', 'secrets_shared', 'emails_sent']);
const SHRIMP = /^[0-9a-z]{49,50}$/;
const GENERATED_VALUE = /^[A-Za-z0-9*$!?()@#%^]{12}$/;
const KEY = /^[0-9a-z]{31}$/;

export function compareAnswer(exchange: Exchange, actual: WireAnswer, context: Context): void {
  const recorded = exchange.response;
  expect(actual.statusLine).toBe(recorded.status_line);
  compareHeaders(exchange, actual, context);
  if (exchange.request.method === 'HEAD') expect(actual.body).toBe('');
  else if (isCutPage(recorded.body)) expect(actual.body).toMatch(/^<!doctype html>\n<html lang="en" class="light">\n/);
  else if (!/^[[{]/.test(recorded.body)) expect(actual.body).toBe(recorded.body);
  else compareJson(exchange, JSON.parse(actual.body), context);
}

function compareJson(exchange: Exchange, got: unknown, context: Context): void {
  const expected = alignList(parseRecorded(exchange), got, context.names);
  learnKeys(expected, got, context.names);
  compareValue(exchange, expected, got, '', context);
}

/** The recorded JSON; where it was cut inside its one long string, that is filled up and the rest put back. */
function parseRecorded(exchange: Exchange): unknown {
  const { body, status, headers } = exchange.response;
  const cut = /\.\.\.[[(]\d+ (?:characters in all|bytes)[\])]$/.exec(body);
  if (cut === null) return JSON.parse(body);
  const kept = body.slice(0, cut.index);
  const length = Number(headers.find((one) => one.startsWith('Content-Length: '))?.slice(16));
  const key = exchange.request.path.split('/').at(-1);
  const shown = `","secret_key":"${key}","share_domain":"https://us.onetimesecret.com"}`;
  const tail = status === 200 ? shown : '","message":"Unknown secret"}';
  return JSON.parse(kept.padEnd(length - tail.length, kept.at(-1)) + tail);
}

/** The database orders what was made in the same second by key, and keys differ. */
function alignList(expected: unknown, got: unknown, names: Names): unknown {
  if (!Array.isArray(expected) || !Array.isArray(got)) return expected;
  const place = (one: { metadata_key: string }) =>
    got.findIndex((other) => other.metadata_key === names.substitute(one.metadata_key));
  return expected.toSorted((a, b) => place(a) - place(b));
}

function compareHeaders(exchange: Exchange, actual: WireAnswer, context: Context): void {
  // Compared with names, their case and their order, but for the dates and tokens of cookies.
  const plain = (headers: readonly string[]) =>
    headers
      .filter((header) => !/^(content-length|connection|server):/i.test(header))
      .map((header) => header.replace(/(?<=sess=)[0-9a-z]{49,50}|(?<=expires=)[^;]{29}/g, 'GENERATED'));
  const pick = (headers: readonly string[], name: string) =>
    headers.find((header) => header.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 2);
  const recorded = exchange.response.headers;
  expect(plain(actual.headers)).toEqual(plain(recorded).map((header) => context.names.substitute(header)));
  expect(pick(actual.headers, 'server')).toBe(pick(recorded, 'server'));
  expect(pick(actual.headers, 'connection')).toBe(pick(recorded, 'connection'));
  const length = pick(actual.headers, 'content-length');
  expect(length === undefined).toBe(pick(recorded, 'content-length') === undefined);
  if (exchange.request.method === 'HEAD') expect(length).toBe(pick(recorded, 'content-length'));
  else if (length !== undefined) expect(length).toBe(String(Buffer.byteLength(actual.body)));
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function learnKeys(expected: unknown, got: unknown, names: Names): void {
  const actual = new Map(entries(got));
  for (const [field, value] of entries(expected)) {
    const other = actual.get(field);
    if (KEY_FIELDS.has(field) && typeof value === 'string' && KEY.test(value) && KEY.test(String(other))) {
      if (names.substitute(value) === value) names.learn(value, String(other));
    } else learnKeys(value, other, names);
  }
}

function compareValue(exchange: Exchange, expected: unknown, got: unknown, path: string, context: Context): void {
  expect(kindOf(got), `type of ${path}`).toBe(kindOf(expected));
  if (typeof expected !== 'object' || expected === null) {
    compareLeaf(exchange, expected, got, path, context);
    return;
  }
  expect(
    entries(got).map(([field]) => field),
    `fields of ${path}`,
  ).toEqual(entries(expected).map(([field]) => field));
  const actual = new Map(entries(got));
  for (const [field, value] of entries(expected)) {
    if (field === 'expiration') compareExpiration(expected, got, path);
    else compareValue(exchange, value, actual.get(field), `${path}.${field}`, context);
  }
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
}

function compareExpiration(expected: unknown, got: unknown, path: string): void {
  const after = (value: unknown) => {
    const fields = new Map(entries(value));
    return Number(fields.get('expiration')) - Number(fields.get('created'));
  };
  expect(after(got), `${path}.expiration`).toBe(after(expected));
}

function compareLeaf(exchange: Exchange, expected: unknown, got: unknown, path: string, context: Context): void {
  const field = path.slice(path.lastIndexOf('.') + 1);
  const close = (value: unknown, to: unknown, by: number) =>
    expect(Math.abs(Number(value) - Number(to)), path).toBeLessThanOrEqual(by);
  if (field === 'shrimp') {
    expect(got, path).toMatch(SHRIMP);
    // An account's shrimp is always the same; the names would notice another one.
    context.names.learn(String(expected), String(got));
  } else if (field === 'value' && exchange.request.path.endsWith('/generate')) {
    expect(expected, path).toMatch(GENERATED_VALUE);
    expect(got, path).toMatch(GENERATED_VALUE);
  } else if (SHORT_KEY_FIELDS.has(field)) expect(got, path).toBe(context.names.substitute(String(expected)));
  else if (DATE_FIELDS.has(field) && Number(expected) > 1_700_000_000) close(got, context.nowSeconds, 0);
  else if (field === 'since') close(got, context.nowSeconds - 30 * 24 * 3600, 0);
  else if (field === 'now') expect(got, path).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/);
  // The recording took up to a second between two calls.
  else if (field === 'metadata_ttl' || field === 'secret_ttl' || field === 'secret_realttl') close(got, expected, 1);
  // Alice made secrets that were not recorded.
  else if (COUNTERS.has(field)) expect(got, path).toMatch(/^\d+$/);
  else if (typeof expected === 'string') expect(got, path).toBe(context.names.substitute(expected));
  else expect(got, path).toBe(expected);
}
