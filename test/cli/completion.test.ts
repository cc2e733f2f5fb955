// `completion`: each script is sourced by the shell that it is for, and asked what it completes.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { run, runCli } from '../support/process.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: Folder;
const scripts = new Map<string, string>();
beforeAll(async () => {
  folder = openFolder();
  folder.write('accounts.csv', 'name,region\n');
  folder.write('a file.yaml', '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await runCli(['completion', shell]);
    expect([shell, code, stderr]).toEqual([shell, 0, '']);
    scripts.set(shell, folder.write(`completion.${shell}`, stdout));
  }
});
afterAll(() => folder[Symbol.dispose]());

async function shell(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, { cwd: folder.path });
  expect([program, code, stderr]).toEqual([program, 0, '']);
  return stdout;
}

const COMMANDS = [
  'serve',
  'check',
  'explain',
  'accounts',
  'store',
  'audit',
  'keys',
  'admin',
  'demo',
  'twin',
  'completion',
  'metrics-doc',
  'cli-doc',
];

it('refuses a shell that it does not know', async () => {
  const { code, stdout, stderr } = await runCli(['completion', 'tcsh']);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
});

describe.runIf(needs('bash', 'apt-get install bash'))('for bash', () => {
  /** What is offered for the last of these words. */
  async function offers(...words: string[]): Promise<string[]> {
    const script = `source "$0"
compopt() { :; } # it works within readline alone
COMP_WORDS=(onetime-gateway "$@"); COMP_CWORD=$#
_onetime_gateway
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const stdout = await shell('bash', ['--norc', '-c', script, scripts.get('bash') ?? '', ...words]);
    return stdout.split('\n').filter((word) => word !== '');
  }

  it('is registered, and leaves what it does not know to files', async () => {
    const stdout = await shell('bash', ['--norc', '-c', 'source "$0"; complete -p', scripts.get('bash') ?? '']);
    expect(stdout).toContain('complete -o default -F _onetime_gateway onetime-gateway\n');
  });

  it.each([
    [[''], COMMANDS],
    [['acc'], ['accounts']],
    [
      ['accounts', 'mov'],
      ['move', 'moves'],
    ],
    [['accounts', 'add', '--re'], ['--region']],
    [
      ['accounts', 'add', 'ann@corp.example', '--'],
      ['--region', '--not-pinned', '--also', '--overwrite', '--config', '--json', '--help'],
    ],
    [
      ['serve', '--log-level', ''],
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    ],
    [['serve', '--log-level', '=', 'tr'], ['trace']],
    [
      ['serve', '--log-level', '='],
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['accounts', 'show', 'check', '--js'], ['--json']],
    // Files, and what nobody knows.
    [['check', '--config', 'a'], []],
    [['accounts', 'import', 'acc'], []],
    [['accounts', 'add', '--region', ''], []],
    [['nonsense'], []],
  ])('offers for %j %j', async (words, expected) => {
    expect(await offers(...words)).toEqual(expected);
  });

  it('says by compopt where no file is meant, and is silent where one is', async () => {
    const script = `source "$0"
compopt() { echo "compopt $*"; }
COMP_WORDS=(onetime-gateway "$@"); COMP_CWORD=$#; _onetime_gateway; :`;
    const asked = (...words: string[]) => shell('bash', ['--norc', '-c', script, scripts.get('bash') ?? '', ...words]);
    expect(await asked('accounts', 'add', '--region', '')).toBe('compopt +o default\n');
    expect(await asked('check', '-c', '')).toBe('');
    expect(await asked('accounts', 'import', '')).toBe('');
    expect(await asked('accounts', 'import', '--')).toBe('compopt +o default\n');
  });
});

describe.runIf(needs('zsh', 'apt-get install zsh'))('for zsh', () => {
  // A zsh at a terminal of its own, in which the lines are typed and the tab key is pressed.
  const DRIVER = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'unset zle_bracketed_paste; PS1= ; TERM=dumb; autoload -Uz compinit; compinit -u -D; setopt nobeep'
zpty -w z "source '$1'; show() { print -r -- \\"<<\\$BUFFER>>\\"; BUFFER=; }; zle -N show; bindkey '^X' show; print REA''DY"
zpty -r z out '*READY*'
shift
for line in "$@"; do
  zpty -w -n z "$line"$'\\t\\x18'
  zpty -r z out '*<<*>>*'
  print -r -- \${\${out##*<<}%%>>*}
done
zpty -d z`;

  it('completes what is typed', async () => {
    const typed: readonly (readonly [string, string])[] = [
      ['onetime-gateway acc', 'onetime-gateway accounts '],
      ['onetime-gateway accounts rem', 'onetime-gateway accounts remove '],
      ['onetime-gateway accounts add --not', 'onetime-gateway accounts add --not-pinned '],
      ['onetime-gateway serve --log-level tr', 'onetime-gateway serve --log-level trace '],
      ['onetime-gateway serve --log-level=tr', 'onetime-gateway serve --log-level=trace '],
      ['onetime-gateway completion f', 'onetime-gateway completion fish '],
      ['onetime-gateway check --config a\\ f', 'onetime-gateway check --config a\\ file.yaml '],
      ['onetime-gateway accounts import acc', 'onetime-gateway accounts import accounts.csv '],
      ['onetime-gateway accounts add --region acc', 'onetime-gateway accounts add --region acc'],
      ['onetime-gateway nonsense', 'onetime-gateway nonsense'],
    ];
    const driver = folder.write('driver.zsh', DRIVER);
    const lines = typed.map(([line]) => line);
    const stdout = await shell('zsh', ['-f', driver, scripts.get('zsh') ?? '', ...lines]);
    expect(stdout.split('\n').slice(0, -1)).toEqual(typed.map(([, whole]) => whole));
  });

  it('works from a folder of fpath, too', async () => {
    const script = folder.write('_onetime-gateway', (await runCli(['completion', 'zsh'])).stdout);
    const check = `fpath=("\${1:h}" $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[onetime-gateway]`;
    expect(await shell('zsh', ['-f', '-c', check, 'zsh', script])).toBe('_onetime-gateway\n');
  });
});

describe.runIf(needs('fish', 'apt-get install fish'))('for fish', () => {
  async function offers(line: string): Promise<string[]> {
    const stdout = await shell('fish', [
      '--no-config',
      '-c',
      'source $argv[1]; complete -C $argv[2]',
      scripts.get('fish') ?? '',
      line,
    ]);
    return stdout.split('\n').filter((word) => word !== '');
  }
  const names = (lines: readonly string[]): string[] => lines.map((line) => line.split('\t', 1)[0] ?? '');

  it('offers commands with what they do', async () => {
    expect(await offers('onetime-gateway acc')).toEqual([
      expect.stringMatching(/^accounts\tthe directory of accounts/),
    ]);
    expect(names(await offers('onetime-gateway ')).toSorted()).toEqual(COMMANDS.toSorted());
  });

  it.each([
    ['onetime-gateway accounts mov', ['move', 'moves']],
    ['onetime-gateway accounts add --not', ['--not-pinned']],
    ['onetime-gateway serve --log-level tr', ['trace']],
    ['onetime-gateway serve --log-level=tr', ['--log-level=trace']],
    ['onetime-gateway completion f', ['fish']],
    ['onetime-gateway check --config acc', ['accounts.csv']],
    ['onetime-gateway accounts import acc', ['accounts.csv']],
    ['onetime-gateway accounts show acc', []],
    ['onetime-gateway accounts add --region acc', []],
  ])('offers for %j %j', async (line, expected) => {
    expect(names(await offers(line)).toSorted()).toEqual(expected);
  });
});
