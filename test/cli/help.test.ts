// Help: everything is in it once, and every example is one that the program takes.
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { examplesOf } from '../../src/cli/commands/words.ts';
import { allOf, commandTree } from '../../src/cli/completion/tree.ts';
import { EXIT, EXIT_MEANING } from '../../src/cli/exit.ts';
import { createProgram } from '../../src/cli/program.ts';
import { readDocument, rowsOf } from '../support/markdown.ts';
import { ROOT, run, runCli } from '../support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

/** The program with commands that do nothing, and how often one was reached. */
function program() {
  const reached = { count: 0 };
  const made = createProgram(
    () => async () => {
      reached.count += 1;
    },
    true,
  );
  return { made, reached };
}

const leaves = allOf(commandTree(program().made)).filter(({ commands }) => commands.length === 0);

/** A line of a shell as its words, without what the shell itself takes. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(/ [<>|] /);
  return command.split(' ');
}

function find(path: string) {
  let found = program().made;
  for (const name of path.split(' ')) {
    const inner = found.commands.find((one) => one.name() === name);
    if (inner === undefined) throw new Error(`no command ${path}`);
    found = inner;
  }
  return found;
}

describe('the help of the program', () => {
  it('has every command in one group, the exit codes, and how scripts are answered', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    const groups = stdout.split('\n').filter((line) => /^[A-Z].*:$/.test(line));
    expect(groups).toEqual([
      'Options:',
      'The gateway:',
      'What gateways keep:',
      'For operators:',
      'To try it out:',
      'The shell and the documentation:',
      'Exit codes:',
    ]);
    for (const { name } of commandTree(program().made).commands) {
      expect([name, stdout.match(new RegExp(`^ {2}${name} `, 'gm'))?.length]).toEqual([name, 1]);
    }
    for (const [exit, meaning] of Object.entries(EXIT_MEANING))
      expect(stdout).toContain(`  ${exit.padEnd(3)} ${meaning}\n`);
    expect(stdout).toContain('With --json');
  });

  it('is printed on standard error, with 64, where no command is given', async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('Exit codes:');
  });
});

describe.each(leaves.map((leaf) => [leaf.path, leaf] as const))('%s', (path, leaf) => {
  const examples = examplesOf(find(path));

  it('has a description, and one of each argument and option', () => {
    expect(leaf.description).toMatch(/\S/);
    expect(
      find(path)
        .registeredArguments.filter(({ description }) => description === '')
        .map((one) => one.name()),
    ).toEqual([]);
    expect(leaf.options.filter(({ description }) => description === '')).toEqual([]);
  });

  it('has examples, each of which the program takes', async () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const line of examples) {
      expect(line.startsWith(path)).toBe(true);
      const { made, reached } = program();
      await made.parseAsync(wordsOf(line), { from: 'user' });
      expect([line, reached.count]).toEqual([line, 1]);
    }
  });

  it('shows them in its help', async () => {
    const { code, stdout } = await runCli([...path.split(' '), '--help']);
    expect(code).toBe(0);
    for (const line of examples) expect(stdout).toContain(`  $ onetime-gateway ${line}\n`);
  });
});

it('would not take an example that is none', async () => {
  for (const line of ['accounts ad ann', 'check --file x', 'accounts show', 'admin token --role all --name x']) {
    const { made, reached } = program();
    await expect(made.parseAsync(wordsOf(line), { from: 'user' })).rejects.toThrow();
    expect(reached.count).toBe(0);
  }
});

describe('docs/cli.md', () => {
  it('is what cli-doc prints', async () => {
    const { code, stdout } = await runCli(['cli-doc']);
    expect(code).toBe(0);
    expect(readDocument('docs/cli.md')).toBe(stdout);
  });

  it('has every command and every exit code', () => {
    const text = readDocument('docs/cli.md');
    const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    expect(headings.toSorted()).toEqual(leaves.map(({ path }) => path).toSorted());
    const codes = rowsOf(text)
      .map(([code = '']) => code)
      .filter((code) => /^\d+$/.test(code));
    expect(codes).toEqual(Object.values(EXIT).map(String));
  });

  it('is led to by the README, whose exit codes are the same', () => {
    const readme = readFileSync(`${ROOT}README.md`, 'utf8');
    expect(readme).toContain('](docs/cli.md)');
    const section = readme.split('**Exit codes.**')[1]?.split('\n\n**')[0] ?? '';
    const codes = rowsOf(section).map(([code]) => code);
    expect(codes).toEqual(Object.values(EXIT).map(String));
  });
});

it('ends with 0 when what reads the help has seen enough', async () => {
  const { code } = await run('bash', ['-c', `"${process.execPath}" "${ROOT}src/main.ts" --help | head -1`]);
  expect(code).toBe(0);
});
