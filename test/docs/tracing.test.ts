// docs/tracing.md: its configuration works, and its tables are what the code can say.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { ATTRIBUTES, SPANS } from '../../src/trace/span.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';

const document = readDocument('docs/tracing.md');

/** The rows of the table with this head. */
function tableOf(head: string): string[][] {
  const [, table = ''] = document.split(`| ${head} |`);
  return rowsOf(table.split('\n\n')[0] ?? '').filter(([first]) => first?.startsWith('`'));
}

describe('docs/tracing.md', () => {
  it('has a configuration that works', () => {
    const [text = ''] = blocksOf(document, 'yaml');
    expect(parseConfig(text, 'g.yaml', {}).tracing).toMatchObject({
      url: 'http://127.0.0.1:4318/v1/traces',
      sample: 0.1,
    });
  });

  it('lists every key with its default', () => {
    const [text = ''] = blocksOf(document, 'yaml');
    const lines = tableOf('Key | Default | Meaning').map(([key, value]) => `  ${inCode(key)}: ${inCode(value)}`);
    const all = text
      .replace(/^tracing:.*/ms, `tracing:\n${lines.join('\n')}\n`)
      .replace('otlp: null', 'otlp: http://c');
    const least = text.replace(/^tracing:.*/ms, 'tracing: { otlp: "http://c" }\n');
    expect(lines).toHaveLength(5);
    expect(parseConfig(all, 'g.yaml', {})).toStrictEqual(parseConfig(least, 'g.yaml', {}));
  });

  it('lists every span', () => {
    expect(tableOf('Span | What it takes the time of').map(([name]) => inCode(name))).toEqual(SPANS);
  });

  it('lists every attribute', () => {
    expect(tableOf('Attribute | On | Values').map(([name]) => inCode(name))).toEqual(ATTRIBUTES);
  });
});
