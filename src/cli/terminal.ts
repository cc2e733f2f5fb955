// What commands say to people, and what they ask: on standard error, so that standard output holds results alone.
import { createInterface } from 'node:readline/promises';
import cliProgress from 'cli-progress';

/** Of the whole process, as standard error is: with --json every line there is an object of its own. */
let speaksJson = false;

export function speakJson(): void {
  speaksJson = true;
}

/** One line on standard error. */
export function say(line: string): void {
  process.stderr.write(`${speaksJson ? JSON.stringify({ note: line }) : line}\n`);
}

/** The last thing that a command says when it has failed. @param details goes beside the sentence with --json */
export function sayError(message: string, exitCode: number, details: object = {}): void {
  const error = { error: { message, exit_code: exitCode, ...snakeCasedObject(details) } };
  process.stderr.write(`${speaksJson ? JSON.stringify(error) : message}\n`);
}

/** One line of a result, on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A result for people or, with --json, for programs. */
export function printResult(json: boolean | undefined, value: object, text: string): void {
  if (json) printJson(value);
  else print(text);
}

/** With keys in snake_case, as everywhere that programs read. */
export function printJson(value: unknown): void {
  print(JSON.stringify(snakeCased(value), null, 2));
}

function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  return typeof value === 'object' && value !== null ? snakeCasedObject(value) : value;
}

function snakeCasedObject(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), snakeCased(inner)]));
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Whether somebody sits there who can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** @returns the answer, trimmed and lower case; empty at the end of input */
export async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  lines.on('close', () => ended.abort());
  try {
    return (await lines.question(`${question} `, { signal: ended.signal })).trim().toLowerCase();
  } catch {
    return '';
  } finally {
    lines.close();
  }
}

export interface Progress {
  /** @param done of `total`, in its unit. @param count what the line says */
  update(done: number, count: number): void;
  end(): void;
}

/** Where there is no terminal, a line each so many. */
const PLAIN_EVERY = 25_000;

/**
 * A bar on a terminal, plain lines elsewhere.
 * @param what for example `accounts read`
 * @param total undefined: unknown
 */
export function createProgress(what: string, total: number | undefined): Progress {
  if (speaksJson || process.stderr.isTTY !== true || total === undefined || total === 0) return createPlain(what);
  const bar = new cliProgress.SingleBar({
    format: `[{bar}] {percentage}% {count} ${what}, {eta_formatted} left`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(total, 0, { count: 0 });
  return { update: (done, count) => bar.update(done, { count }), end: () => bar.stop() };
}

function createPlain(what: string): Progress {
  let next = PLAIN_EVERY;
  return {
    update(_, count) {
      if (count < next) return;
      say(`${count} ${what} ...`);
      next = count - (count % PLAIN_EVERY) + PLAIN_EVERY;
    },
    end() {},
  };
}

/** Settles when the operator interrupts, for as long as it is listened to. */
export function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}
