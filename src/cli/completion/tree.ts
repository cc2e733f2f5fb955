// The program's commands as plain data, for completion and the documentation.
import type { Argument, Command, Option } from 'commander';

/** What may stand for a value: files, some words, or nothing that a shell could know. */
export type Values =
  | { readonly kind: 'files' }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | undefined;

export interface OptionNode {
  /** `-c` and `--config`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly values: Values;
}

export interface ArgumentNode {
  readonly name: string;
  readonly values: Values;
}

export interface CommandNode {
  readonly name: string;
  readonly description: string;
  /** From the program on, without its name: `accounts add`; empty for the program. */
  readonly path: string;
  readonly commands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  readonly arguments: readonly ArgumentNode[];
}

/** Placeholders of values that are files: `--config <file>`. */
const FILES = new Set(['file', 'files', 'folder']);

function valuesOf(name: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return FILES.has(name) ? { kind: 'files' } : undefined;
}

function optionNode({ short, long, flags, description, argChoices, required, optional }: Option): OptionNode {
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    takesValue: required || optional,
    values: valuesOf(/[<[]([\w-]+)/.exec(flags)?.[1] ?? '', argChoices),
  };
}

function argumentNode(argument: Argument): ArgumentNode {
  return { name: argument.name(), values: valuesOf(argument.name(), argument.argChoices) };
}

/** Everything that help shows. */
export function commandTree(command: Command, before: readonly string[] = [], isRoot = true): CommandNode {
  const path = isRoot ? [] : [...before, command.name()];
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    path: path.join(' '),
    // `help` is an option of every command, too.
    commands: help
      .visibleCommands(command)
      .filter((inner) => inner.name() !== 'help')
      .map((inner) => commandTree(inner, path, false)),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map(argumentNode),
  };
}

/** A command and all below it, in the order of help. */
export function allOf(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allOf)];
}
