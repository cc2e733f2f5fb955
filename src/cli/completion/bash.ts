// Completion for bash, 3.2 and later.
import { quoted } from './quote.ts';
import { allOf, type CommandNode, type OptionNode, type Values } from './tree.ts';

/** @param root the whole program @returns a script to be sourced */
export function bashCompletion(root: CommandNode): string {
  const nodes = allOf(root);
  return `# Completion of ${root.name} for bash. Made by: ${root.name} completion bash
_onetime_gateway() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} place='' i
  COMPREPLY=()
  # bash takes --option=value for three words.
  if [ "$word" = '=' ]; then
    word=''
  elif [ "$previous" = '=' ]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place \${COMP_WORDS[i]}" in
      ${placesOf(nodes)}) place="$place \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$place|$previous" in
${nodes.flatMap(({ path, options }) => options.filter(({ takesValue }) => takesValue).map((one) => valueCase(path, one))).join('\n')}
  esac
  case "$place" in
${nodes.map(placeCase).join('\n')}
  esac
}
# Of these words those that fit, and no files where none does; an older bash that cannot say so offers files then.
_onetime_gateway_words() {
  type compopt >/dev/null 2>&1 && compopt +o default
  COMPREPLY=($(compgen -W "$1" -- "$word"))
}
complete -o default -F _onetime_gateway ${root.name}
`;
}

function placesOf(nodes: readonly CommandNode[]): string {
  return nodes.flatMap(({ path }) => (path === '' ? [] : [quoted(` ${path}`)])).join('|');
}

function placeOf(path: string): string {
  return path === '' ? '' : ` ${path}`;
}

function valueCase(path: string, { flags, values }: OptionNode): string {
  const places = flags.map((flag) => quoted(`${placeOf(path)}|${flag}`)).join('|');
  return `    ${places}) ${offer(values)}; return ;;`;
}

/** Files are what bash offers by itself where there is no other answer. */
function offer(values: Values): string {
  if (values === undefined) return reply([]);
  if (values.kind === 'files') return ':';
  return reply(values.words);
}

/** Options where a word begins with -, else what stands at this place; options too where nothing else can. */
function placeCase({ path, commands, options, arguments: given }: CommandNode): string {
  const flags = reply(options.flatMap((option) => option.flags));
  const values = given.flatMap(({ values }) => (values?.kind === 'words' ? values.words : []));
  const words = [...commands.map(({ name }) => name), ...values];
  const files = given.some(({ values }) => values?.kind === 'files');
  const other = files ? ':' : words.length === 0 ? flags : reply(words);
  return `    ${quoted(placeOf(path))}) case "$word" in -*) ${flags} ;; *) ${other} ;; esac ;;`;
}

function reply(words: readonly string[]): string {
  return `_onetime_gateway_words ${quoted(words.join(' '))}`;
}
