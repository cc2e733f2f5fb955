// docs/routing.md: its examples are what `explain` says.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';

const KEY = 'abcdefghij0123456789abcdefghij0';
const document = readDocument('docs/routing.md');

/** Each configuration of the document with the examples that follow it. */
const sections = document
  .split(/^(?=```yaml$)/m)
  .slice(1)
  .map((text, index) => ({
    name: `configuration ${index + 1}`,
    config: blocksOf(text, 'yaml')[0] ?? '',
    examples: rowsOf(text).map(([request, rules = '', answer = '']) => ({ request: inCode(request), rules, answer })),
  }));

let folder: Folder;
beforeAll(() => {
  folder = openFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** What explain printed, in the words of the tables. */
function summary(printed: string): { rules: string; answer: string } {
  const rules = [...printed.matchAll(/^rule (\d)/gm)].map(([, number]) => number).join(', ');
  const sent = /^sent to {2}(.*)$/m.exec(printed)?.[1];
  const refused = /^refused {2}(\d+ \w+):/m.exec(printed)?.[1];
  return { rules, answer: sent ?? refused ?? printed.match(/answered by the gateway itself/)?.[0] ?? '' };
}

it('has examples', () => {
  expect(sections.map(({ examples }) => examples.length)).toEqual([19, 5, 4]);
});

describe.each(sections)('$name', ({ name, config, examples }) => {
  it.each(examples)('$request', async ({ request, rules, answer }) => {
    const file = folder.write(`${name}.yaml`, config);
    const args = request.replace('KEY', KEY).split(' ');
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const code = await run(['node', 'onetime-gateway', 'explain', ...args, '--config', file]);
    const printed = write.mock.calls.map(([text]) => String(text)).join('');
    write.mockRestore();
    expect(code).toBe(0);
    expect(summary(printed)).toEqual({ rules, answer });
  });
});
