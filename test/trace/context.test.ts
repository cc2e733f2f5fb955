// The recommendation's own cases, and those of its test harness: what is not exactly right is as if it were not there.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headersAt, readPosition, readTrace } from '../../src/trace/context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;

const parentOf = (traceparent: string): string | undefined => readTrace({ traceparent })?.headers[1];
const stateOf = (tracestate: string): string | undefined => readPosition({ traceparent: PARENT, tracestate })?.state;

describe('traceparent', () => {
  it('is passed on as it came', () => {
    expect(readTrace({ traceparent: PARENT })).toEqual({ id: TRACE, headers: ['traceparent', PARENT] });
  });

  it.each([
    ['the sampled and the random flag are kept', '03', '03'],
    ['none is kept', '00', '00'],
    ['flags that are not defined are dropped', 'ff', '03'],
    ['flags that are not defined are dropped', '84', '00'],
  ])('%s', (_rule, given, kept) => {
    expect(parentOf(`00-${TRACE}-${SPAN}-${given}`)).toBe(`00-${TRACE}-${SPAN}-${kept}`);
  });

  it.each([
    ['of the length of version 00', `01-${TRACE}-${SPAN}-01`],
    ['with more behind a hyphen', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['with nothing behind a hyphen', `fe-${TRACE}-${SPAN}-01-`],
  ])('of a later version, %s, is passed on as version 00', (_what, given) => {
    expect(parentOf(given)).toBe(PARENT);
  });

  it.each([
    ['empty', ''],
    ['the version ff', `ff-${TRACE}-${SPAN}-01`],
    ['a version in upper case', `CC-${TRACE}-${SPAN}-01`],
    ['a version of one digit', `0-${TRACE}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a trace id in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a span id in upper case', `00-${TRACE}-${SPAN.toUpperCase()}-01`],
    ['a trace id with another letter', `00-${TRACE.slice(1)}g-${SPAN}-01`],
    ['a trace id that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a trace id that is too long', `00-${TRACE}0-${SPAN}-01`],
    ['a span id that is too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['flags that are none', `00-${TRACE}-${SPAN}-.1`],
    ['no flags', `00-${TRACE}-${SPAN}`],
    ['more behind version 00', `${PARENT}-00`],
    ['a hyphen behind version 00', `${PARENT}-`],
    ['more of a later version without a hyphen', `01-${TRACE}-${SPAN}-012`],
    ['underscores', PARENT.replaceAll('-', '_')],
    ['white space before it', ` ${PARENT}`],
    ['two of them', `${PARENT}, ${PARENT}`],
    ['two of them, the first of a later version', `01-${TRACE}-${SPAN}-01-x, ${PARENT}`],
  ])('with %s is as if it were not there', (_what, traceparent) => {
    expect(readTrace({ traceparent, tracestate: 'a=1' })).toBeUndefined();
  });

  it('that is not there makes tracestate nothing', () => {
    expect(readTrace({ tracestate: 'a=1' })).toBeUndefined();
  });

  it('whatever is sent, what is passed on is of version 00 and read the same again', () => {
    const digits = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefAF-'), minLength: length, maxLength: length });
    const parents = fc
      .tuple(digits(2), digits(32), digits(16), digits(2), fc.constantFrom('', '-', '-x', ',', ' '))
      .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`);
    fc.assert(
      fc.property(fc.oneof(parents, fc.string()), (traceparent) => {
        const position = readPosition({ traceparent });
        if (position === undefined) return;
        const [, again = ''] = headersAt(position);
        expect(again).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
        expect(readPosition({ traceparent: again })).toEqual(position);
      }),
    );
  });
});

describe('tracestate', () => {
  it('goes on with traceparent', () => {
    const { headers } = readTrace({ traceparent: PARENT, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' }) ?? {};
    expect(headers).toEqual(['traceparent', PARENT, 'tracestate', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE']);
  });

  it.each([
    ['spaces and tabs around members', 'a=1 \t,\t b=2', 'a=1,b=2'],
    ['empty members', 'a=1,,b=2,', 'a=1,b=2'],
    ['the key of a tenant', '0tenant-a*/_@sys=1', '0tenant-a*/_@sys=1'],
    [
      'the longest tenant and system',
      `t${'x'.repeat(240)}@s${'y'.repeat(13)}=1`,
      `t${'x'.repeat(240)}@s${'y'.repeat(13)}=1`,
    ],
    ['a value with spaces within', 'a=x y  z', 'a=x y  z'],
    ['the longest key', `k${'x'.repeat(255)}=1`, `k${'x'.repeat(255)}=1`],
    ['the longest value', `a=${'x'.repeat(256)}`, `a=${'x'.repeat(256)}`],
    ['32 members', members(32), members(32)],
    ['512 characters', `a=${'x'.repeat(252)},b=${'x'.repeat(255)}`, `a=${'x'.repeat(252)},b=${'x'.repeat(255)}`],
  ])('may have %s', (_what, given, kept) => {
    expect(stateOf(given)).toBe(kept);
  });

  it.each([
    ['nothing in it', ''],
    ['empty members only', ' , ,'],
    ['33 members', members(33)],
    ['513 characters', `a=${'x'.repeat(253)},b=${'x'.repeat(255)}`],
    ['a key twice', 'a=1,b=2,a=3'],
    ['no equals sign', 'a'],
    ['no key', '=1'],
    ['no value', 'a='],
    ['an equals sign in a value', 'a=1=2'],
    ['a key in upper case', 'A=1'],
    ['a key that begins with a digit', '0a=1'],
    ['a key that is too long', `k${'x'.repeat(256)}=1`],
    ['a tenant that is too long', `t${'x'.repeat(241)}@s=1`],
    ['a system that is too long', `t@s${'x'.repeat(14)}=1`],
    ['a system that begins with a digit', 't@0s=1'],
    ['two at signs', 'a@b@c=1'],
    ['a space before the equals sign', 'a =1'],
    ['a value that is too long', `a=${'x'.repeat(257)}`],
    ['a letter that is not ASCII', 'a=\u00fc'],
    ['a control character', 'a=\u0007'],
    ['another white space around a member', 'a=1,\u00a0b=2'],
  ])('with %s is as if it were not there, and traceparent holds', (_what, tracestate) => {
    expect(readTrace({ traceparent: PARENT, tracestate })).toEqual({ id: TRACE, headers: ['traceparent', PARENT] });
  });
});

function members(count: number): string {
  return Array.from({ length: count }, (_, index) => `k${index}=1`).join(',');
}
