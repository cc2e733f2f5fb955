// What the commands share: options, readers of their values, examples, and how an action gives its exit code.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { readDurationMs, Unfit } from '../../config/units.ts';
import { FORMATS } from '../../locality/formats.ts';
import type { ExitCode } from '../exit.ts';

/** Makes an action of a command: its exit code becomes the program's; undefined is 0. */
export type Action = <A extends unknown[]>(
  command: (...args: A) => Promise<ExitCode | undefined>,
) => (...args: A) => Promise<void>;

export const PROGRAM = 'onetime-gateway';
const written = new WeakMap<Command, readonly string[]>();

export const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file; without it config/gateway.yaml, or the one of the package');
export const jsonOption = (): Option => new Option('--json', 'print JSON');
export const formatOption = (): Option =>
  new Option('--format <format>', 'of the file, where its name does not tell').choices(FORMATS);

export function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

export function regionList(text: string): string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

export function duration(text: string): number {
  const value = readDurationMs(text);
  if (value instanceof Unfit) throw new InvalidArgumentError(`Expected ${value.expected}.`);
  return value;
}

/** A command whose file is loaded when it is called. */
export function later<A extends unknown[]>(load: () => Promise<(...args: A) => Promise<ExitCode>>) {
  return async (...given: A): Promise<ExitCode> => (await load())(...given);
}

/** Command lines that the command's help shows, without the name of the program. Each is run through the parser by a test. */
export function examples(command: Command, ...lines: readonly string[]): void {
  written.set(command, lines);
  const heading = lines.length === 1 ? 'Example' : 'Examples';
  command.addHelpText('after', `\n${heading}:\n${lines.map((line) => `  $ ${PROGRAM} ${line}`).join('\n')}`);
}

export function examplesOf(command: Command): readonly string[] {
  return written.get(command) ?? [];
}
