// README.md: its configuration loads, its commands run, its tables are complete.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit.ts';
import { parseConfig } from '../../src/config/load.ts';
import { REFUSAL_CODES, Refusal } from '../../src/refusal.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';
import { ROOT } from '../support/process.ts';

const readme = readDocument('README.md');

function section(heading: string): string {
  return readme.split(`${heading}\n`)[1]?.split(/\n#+ /)[0] ?? '';
}

describe('README.md', () => {
  it.each(blocksOf(readme, 'yaml'))('has a configuration that loads (%#)', (text) => {
    expect(parseConfig(text, 'README.md', {}).regions.map(({ name }) => name)).toEqual(['us', 'eu']);
  });

  it('lists every refusal with its status', () => {
    const listed = rowsOf(section('### Statuses')).map(([code, status]) => [inCode(code), Number(status)]);
    expect(listed).toEqual(REFUSAL_CODES.map((code) => [code, new Refusal(code).status]));
  });

  it('lists every exit code', () => {
    const listed = rowsOf(readme.split('**Exit codes.**')[1]?.split('**Container.**')[0] ?? '').map(([code]) =>
      Number(code),
    );
    expect(listed).toEqual(Object.values(EXIT));
  });

  it('shows the journey, and the console in both colour schemes', () => {
    expect(readme).toContain('](docs/journey.svg)');
    expect(readme).toContain('srcset="docs/screenshots/overview-dark.png"');
    expect(readme).toContain('src="docs/screenshots/overview-light.png"');
  });

  it('shows a picture that is well-formed enough to hold every room of the journey', () => {
    const picture = readFileSync(`${ROOT}docs/journey.svg`, 'utf8');
    const way = ['classify', 'identify', 'admit', 'locate', 'decide', 'verify', 'replay', 'forward', 'learn', 'record'];
    for (const room of way) {
      expect(picture).toMatch(new RegExp(`<text[^>]*>${room}\\b`));
    }
    expect(picture).toContain('prefers-color-scheme: dark');
  });
});
