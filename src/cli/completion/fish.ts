// Completion for fish, 3 and later.
import { fishQuoted } from './quote.ts';
import { allOf, type CommandNode, type OptionNode, type Values } from './tree.ts';

/** @param root the whole program @returns a script to be sourced, or to be put into fish's completions folder */
export function fishCompletion(root: CommandNode): string {
  const nodes = allOf(root);
  const places = nodes.flatMap(({ path }) => (path === '' ? [] : [fishQuoted(` ${path}`)])).join(' ');
  return `# Completion of ${root.name} for fish. Made by: ${root.name} completion fish
function __onetime_gateway_at
    set -l place ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if contains -- "$place $word" ${places}
            set place "$place $word"
        end
    end
    test "$place" = "$argv[1]"
end
complete -c ${root.name} -e
complete -c ${root.name} -f
${nodes.flatMap((node) => linesOf(root.name, node)).join('\n')}
`;
}

function linesOf(program: string, { path, commands, options, arguments: given }: CommandNode): string[] {
  const at = `complete -c ${program} -n ${fishQuoted(`__onetime_gateway_at ${fishQuoted(path === '' ? '' : ` ${path}`)}`)}`;
  return [
    ...commands.map(({ name, description }) => `${at} -a ${fishQuoted(name)} -d ${fishQuoted(description)}`),
    ...options.map((option) => `${at} ${flagsOf(option)}${forValue(option)} -d ${fishQuoted(option.description)}`),
    ...given.flatMap(({ values }) => (values === undefined ? [] : [`${at} ${argumentOf(values)}`])),
  ];
}

function flagsOf({ flags }: OptionNode): string {
  return flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
}

function forValue({ takesValue, values }: OptionNode): string {
  if (!takesValue) return '';
  if (values?.kind === 'files') return ' -r -F';
  return values === undefined ? ' -x' : ` -x -a ${fishQuoted(values.words.join(' '))}`;
}

function argumentOf(values: NonNullable<Values>): string {
  return values.kind === 'files' ? '-F' : `-a ${fishQuoted(values.words.join(' '))}`;
}
