// What operators are told of PROXY headers that were not taken: counted all, told of now and then.
import { expect, it } from 'vitest';
import type { ProxyResult } from '../../src/listener/proxy-protocol.ts';
import { watchProxyHeaders } from '../../src/listener/proxy-protocol-watch.ts';

function watch() {
  const counts: ProxyResult[] = [];
  const lines: [Readonly<Record<string, unknown>>, string][] = [];
  let nowMs = 0;
  const note = watchProxyHeaders(
    (result) => counts.push(result),
    { warn: (facts, message) => lines.push([facts, message]) },
    () => nowMs,
  );
  return {
    counts,
    lines,
    at(ms: number, ...results: ProxyResult[]) {
      nowMs = ms;
      for (const result of results) note(result);
    },
  };
}

it('tells of the first connection of each problem at once, with what to look at', () => {
  const watched = watch();
  watched.at(5, 'missing', 'malformed', 'timeout');
  expect(watched.lines.map(([facts]) => facts)).toEqual(
    ['missing', 'malformed', 'timeout'].map((problem) => ({ problem, connections: 1 })),
  );
  for (const [, message] of watched.lines) expect(message).toMatch(/listen\.trustProxy .* PROXY header/);
});

it('is silent for a minute then, and says how many there were with the next one', () => {
  const watched = watch();
  watched.at(0, 'missing');
  watched.at(30_000, 'missing', 'missing');
  watched.at(59_999, 'missing');
  expect(watched.lines).toHaveLength(1);
  watched.at(60_000, 'missing', 'missing');
  expect(watched.lines.map(([facts]) => facts.connections)).toEqual([1, 4]);
  watched.at(120_000, 'missing');
  expect(watched.lines.map(([facts]) => facts.connections)).toEqual([1, 4, 2]);
});

it('counts every connection, and tells of none that was taken or left by itself', () => {
  const watched = watch();
  watched.at(0, 'named', 'own', 'unfinished', 'named', 'missing', 'missing');
  expect(watched.counts).toEqual(['named', 'own', 'unfinished', 'named', 'missing', 'missing']);
  expect(watched.lines).toHaveLength(1);
});
