// upstream.proxy and regions.X.proxy: what is taken, and that nothing of what is refused is shown.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { basic } from '../support/http.ts';

describe('the key proxy', () => {
  const read = (text: string, env: NodeJS.ProcessEnv = {}) =>
    parseConfig(`regions: { us: { upstreams: ["https://us.example"] } }\nupstream: { proxy: ${text} }`, 'g.yaml', env);

  it.each([
    ['"http://proxy.example:3128"', { origin: 'http://proxy.example:3128' }],
    ['"HTTP://Proxy.Example/"', { origin: 'http://proxy.example' }],
    ['"https://[::1]:3129"', { origin: 'https://[::1]:3129' }],
    ['"http://u:p@10.0.0.1:3128"', { origin: 'http://10.0.0.1:3128', authorization: basic('u:p') }],
    ['"http://u@p.example"', { origin: 'http://p.example', authorization: basic('u:') }],
    ['"http://u:%40%3a%2f%25@p.example"', { origin: 'http://p.example', authorization: basic('u:@:/%') }],
    [`"http://u:\${P}@p.example"`, { origin: 'http://p.example', authorization: basic('u:secret') }],
    ['null', undefined],
    [`"\${NONE:-}"`, undefined],
  ])('%s', (text, expected) => {
    expect(read(text, { P: 'secret' }).upstream.proxy).toEqual(expected);
  });

  it.each([
    ['proxy.example:3128', /Write it with http:\/\/ or https:\/\/ in front/],
    ['socks5://canary:canary@p.example', /Write it with http/],
    ['http://p.example/canary', /no path and no query/],
    ['http://p.example?canary', /no path and no query/],
    ['http://canary:can/ary@p.example', /written as %40/],
    ['http://canary:can@ary@p.example', /written as %40/],
    ['http://canary:can ary@p.example', /written as %40/],
    ['http://canary:%zz@p.example', /written as %25/],
    ['http://can%3aary:x@p.example', /has no colon/],
    ['http://canary:x%0d%0a@p.example', /control characters/],
    ['http://canary:x@p.example:99999', /no path and no query/],
    ['http://', /no path and no query/],
  ])('is not %s, and what was written is not shown', (text, message) => {
    expect(() => read(`"${text}"`)).toThrow(message);
    expect(() => read(`"${text}"`)).toThrow(/^g\.yaml:2:13: upstream\.proxy: found a text \(hidden/);
    expect(() => read(`"${text}"`)).not.toThrow(/canary/);
  });

  it.each([
    ['', undefined],
    [', proxy: null', null],
    [', proxy: ""', null],
    [', proxy: "http://u:p@p.example"', { origin: 'http://p.example', authorization: basic('u:p') }],
  ])('of a region: %j', (text, expected) => {
    const config = parseConfig(`regions: { us: { upstreams: ["https://us.example"]${text} } }`, 'g.yaml', {});
    expect(config.regions[0]?.proxy).toEqual(expected);
  });
});
