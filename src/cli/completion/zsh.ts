// Completion for zsh.
import { quoted } from './quote.ts';
import { allOf, type CommandNode, type OptionNode, type Values } from './tree.ts';

/** @param root the whole program @returns a script to be sourced, or to be put as `_onetime-gateway` where fpath leads */
export function zshCompletion(root: CommandNode): string {
  const nodes = allOf(root);
  return `#compdef ${root.name}
# Completion of ${root.name} for zsh. Made by: ${root.name} completion zsh
_onetime_gateway() {
  local place='' previous=\${words[CURRENT-1]} i
  local -i other=0
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$place \${words[i]}" in
      (${placesOf(nodes)}) place="$place \${words[i]}" ;;
    esac
  done
  if [[ "$PREFIX" == --*=* ]]; then
    previous=\${PREFIX%%=*}
    compset -P '*='
  fi
  case "$place|$previous" in
${nodes.flatMap(({ path, options }) => options.filter(({ takesValue }) => takesValue).map((one) => valueCase(path, one))).join('\n')}
  esac
  case "$place" in
${nodes.map(placeCase).join('\n')}
  esac
  # Options where a word begins with -, or where nothing else can stand.
  if [[ "$PREFIX" == -* ]] || (( ! other )); then
    _describe -o -t options option options
  elif (( $#commands )); then
    _describe -t commands command commands
  fi
  return 0
}
if [[ "$funcstack[1]" == _onetime* ]]; then
  _onetime_gateway "$@"
else
  compdef _onetime_gateway ${root.name}
fi
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
  return `    (${places}) ${offer(values)}; return ;;`;
}

function offer(values: Values): string {
  if (values === undefined) return ':';
  return values.kind === 'files' ? '_files' : `compadd -- ${values.words.map(quoted).join(' ')}`;
}

/** `name:description`; a colon in a name would end it. */
function described(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${description}`);
}

function placeCase({ path, commands, options, arguments: given }: CommandNode): string {
  const shown = commands.map(({ name, description }) => described(name, description));
  const flags = options.flatMap((option) => option.flags.map((flag) => described(flag, option.description)));
  const values = given.flatMap(({ values }) =>
    values === undefined ? [] : [` [[ "$PREFIX" == -* ]] || ${offer(values)};`],
  );
  const other = shown.length + values.length > 0 ? ' other=1;' : '';
  return `    (${quoted(placeOf(path))}) commands=(${shown.join(' ')}); options=(${flags.join(' ')});${other}${values.join('')} ;;`;
}
