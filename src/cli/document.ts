// docs/cli.md, made from the commands.
import type { Command } from 'commander';
import { examplesOf, PROGRAM } from './commands/words.ts';
import { EXIT_MEANING } from './exit.ts';

const BEGINNING = `# The command line

Printed by \`${PROGRAM} cli-doc\`; a test compares. \`${PROGRAM} COMMAND --help\` says the same of one command.

## Exit codes

${Object.entries({ Code: 'Meaning', '---': '---', ...EXIT_MEANING })
  .toSorted(([one], [other]) => rank(one) - rank(other))
  .map(([code, meaning]) => `| ${code} | ${meaning} |`)
  .join('\n')}

## For scripts

With \`--json\` a command prints its result as one JSON document on standard output, with keys in snake_case, and nothing
else there. On standard error every line is then an object, too. \`{"note": "..."}\` is what a person would be told on the
way. A command that fails ends with

\`\`\`json
{ "error": { "message": "...", "exit_code": 78 } }
\`\`\`

Beside the message may stand what a program can make more of: \`problems\` of a configuration, each with \`file\`, \`line\`,
\`column\`, \`key\`, \`found\` and \`expected\`; \`hint\` for a command line that is wrong. Some commands print a result and fail all
the same, such as \`accounts verify\` of a directory that is not sound: the exit code tells. Nothing is ever asked where
standard input or standard error is no terminal.

## Completion

\`${PROGRAM} completion bash|zsh|fish\` prints a script. The examples of that command say where to put it; or source it.
`;

function rank(code: string): number {
  return code === 'Code' ? -2 : code === '---' ? -1 : Number(code);
}

/** The whole document, with a line break at its end. */
export function commandsDocument(program: Command): string {
  const groups = Map.groupBy(leavesOf(program), ({ group }) => group);
  const parts = [...groups].map(([group, leaves]) =>
    [`## ${group.replace(/:$/, '')}`, ...leaves.map(({ command, path }) => sectionOf(command, path))].join('\n\n'),
  );
  return `${[BEGINNING.trimEnd(), ...parts].join('\n\n')}\n`;
}

interface Leaf {
  readonly command: Command;
  readonly path: string;
  /** The heading under which the program's help has it. */
  readonly group: string;
}

/** The commands that do something, without `help`. */
function leavesOf(command: Command, path: readonly string[] = [], group = ''): Leaf[] {
  const inner = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
  if (inner.length === 0) return [{ command, path: path.join(' '), group }];
  return inner.flatMap((one) => leavesOf(one, [...path, one.name()], group === '' ? one.helpGroup() : group));
}

function sectionOf(command: Command, path: string): string {
  const help = command.createHelp();
  const rows = [
    ...help.visibleArguments(command).map((one) => [`<${one.name()}>`, help.argumentDescription(one)]),
    ...help.visibleOptions(command).map((one) => [one.flags, help.optionDescription(one)]),
  ].filter(([name]) => name !== '-h, --help');
  return [
    `### ${path}`,
    sentence(command.description()),
    ['```text', `${PROGRAM} ${path} ${command.usage()}`, '```'].join('\n'),
    ...(rows.length === 0 ? [] : [tableOf(rows)]),
    ['```sh', ...examplesOf(command).map((line) => `${PROGRAM} ${line}`), '```'].join('\n'),
  ].join('\n\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const lines = rows.map(([name = '', what = '']) => `| \`${name}\` | ${what.replaceAll('|', '\\|')} |`);
  return ['| | |', '| --- | --- |', ...lines].join('\n');
}
