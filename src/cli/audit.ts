// `audit verify`, `audit head`, `audit key` and `audit tail`: the audit log of a configuration, read beside a running gateway.
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { codeOf } from '../audit/error.ts';
import { faultText } from '../audit/fault.ts';
import { endOf, headFileOf, isSignedBy, readHeadFile } from '../audit/head.ts';
import { fingerprintOf, publicKeyFileOf, publicKeysBeside, readPublicKey } from '../audit/key.ts';
import { readTail } from '../audit/read-tail.ts';
import type { AuditRecord } from '../audit/record.ts';
import { type AuditVerdict, verifyAudit } from '../audit/verify.ts';
import type { AuditConfig } from '../config/types.ts';
import { readConfig } from './config.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { createProgress, print, printJson } from './terminal.ts';

export interface AuditVerifyOptions {
  readonly config?: string;
  readonly publicKey?: readonly string[];
  readonly head?: { readonly seq: number; readonly hash: string };
  readonly json?: boolean;
}

/** @throws CommandError where the configuration keeps none */
export function auditOf(name: string, audit: AuditConfig | undefined): AuditConfig {
  if (audit !== undefined) return audit;
  throw new CommandError(`${name} keeps no audit log: audit.file is null.`, EXIT.config);
}

/**
 * @param files as given with --public-key, or undefined: those beside the private one
 * @throws CommandError
 */
export function publicKeysOf(files: readonly string[] | undefined, keyFile: () => string): KeyObject[] {
  if (files !== undefined) return files.map(readKeyFile);
  const file = keyFile();
  const found = attempt(publicKeyFileOf(file), () => publicKeysBeside(file));
  if (found.length > 0) return found.map(({ key }) => key);
  throw new CommandError(
    `There is no public key at ${publicKeyFileOf(file)}: the gateway makes it on first start. Give another one with ` +
      '--public-key.',
    EXIT.config,
  );
}

function readKeyFile(file: string): KeyObject {
  const key = readPublicKey(attempt(file, () => readFileSync(file, 'utf8')));
  if (key !== undefined) return key;
  throw new CommandError(`${file} is not an Ed25519 public key in PEM, as \`onetime-gateway audit key\` prints it.`);
}

function attempt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw new CommandError(`${file} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : code}.`);
  }
}

export async function auditVerify(files: readonly string[], options: AuditVerifyOptions): Promise<ExitCode> {
  const configured = (): AuditConfig => {
    const { name, config } = readConfig(options.config);
    return auditOf(name, config.audit);
  };
  const publicKeys = publicKeysOf(options.publicKey, () => configured().keyFile);
  const which = files.length > 0 ? { files } : { file: configured().file };
  const verdict = await showing((progress) => verifyAudit({ ...which, publicKeys, head: options.head }, progress));
  if (options.json) printJson(verdict);
  else for (const line of verdictLines(verdict)) print(line);
  return verdict.good ? EXIT.ok : EXIT.failure;
}

/** Runs a verification with its progress on standard error. */
export async function showing<T>(
  work: (progress: (done: { bytes: number; totalBytes: number; records: number }) => void) => Promise<T>,
): Promise<T> {
  let bar: ReturnType<typeof createProgress> | undefined;
  try {
    return await work(({ bytes, totalBytes, records }) => {
      bar ??= createProgress('records verified', totalBytes);
      bar.update(bytes, records);
    });
  } finally {
    bar?.end();
  }
}

/** What a verification found, for people. */
export function verdictLines(verdict: AuditVerdict): string[] {
  const { good, records, files, first, last, heads, signedTo, signedTime, unsigned, heldAgainst } = verdict;
  const lines = verdict.faults.map(faultText);
  const more = verdict.faultCount - verdict.faults.length;
  if (more > 0) lines.push(`... and ${more} more.`);
  const where = `${counted(records, 'record')} in ${counted(files.length, 'file')}`;
  lines.push(good ? `good: ${where}` : `not good: ${counted(verdict.faultCount, 'fault')} in ${where}`);
  if (first !== undefined && last !== undefined) {
    lines.push(`records    ${first.seq} to ${last.seq}, ${first.time} to ${last.time}`);
  }
  lines.push(
    signedTo === undefined
      ? 'signed     nothing'
      : `signed     up to record ${signedTo}, ${signedTime}, by ${counted(heads, 'head')}; ${counted(unsigned, 'record')} behind it`,
  );
  lines.push(`held to    ${heldAgainst.length === 0 ? 'nothing from elsewhere: give --head' : heldAgainst.join(', ')}`);
  return lines;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

export async function auditKey({ config: file, json }: { config?: string; json?: boolean }): Promise<ExitCode> {
  const { name, config } = readConfig(file);
  const [key] = publicKeysOf(undefined, () => auditOf(name, config.audit).keyFile);
  if (key === undefined) return EXIT.failure;
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  const fingerprint = fingerprintOf(key);
  if (json) printJson({ fingerprint, publicKey: pem });
  else print(`${pem}fingerprint  ${fingerprint}`);
  return EXIT.ok;
}

export interface AuditHeadOptions {
  readonly config?: string;
  readonly publicKey?: readonly string[];
  readonly json?: boolean;
}

/** The record of the newest head, which the log has from now on as long as nobody cuts it off. */
export async function auditHead({ config: path, publicKey, json }: AuditHeadOptions): Promise<ExitCode> {
  const { name, config } = readConfig(path);
  const { file, keyFile } = auditOf(name, config.audit);
  const publicKeys = publicKeysOf(publicKey, () => keyFile);
  const headFile = headFileOf(file);
  const head = attempt(headFile, () => readHeadFile(file));
  if (head === undefined) throw new CommandError(`${headFile} is not there: nothing has been signed yet.`);
  if (head === 'malformed') throw new CommandError(`${headFile} is not what the gateway writes there.`);
  const key = publicKeys.find((candidate) => fingerprintOf(candidate) === head.key);
  if (key === undefined || !isSignedBy(head, key)) throw new CommandError(`${headFile} has no good signature.`);
  const { seq, hash } = endOf(head);
  if (json) printJson({ seq, hash, time: head.time, key: head.key });
  else print(`${seq}:${hash}`);
  return EXIT.ok;
}

export interface AuditTailOptions {
  readonly config?: string;
  readonly lines: number;
  readonly json?: boolean;
}

export async function auditTail({ config: path, lines, json }: AuditTailOptions): Promise<ExitCode> {
  const { name, config } = readConfig(path);
  const { file } = auditOf(name, config.audit);
  const records = attempt(file, () => readTail(file, Math.min(lines, 10_000)));
  if (json) print(JSON.stringify(records, null, 2));
  else for (const record of records) print(recordText(record));
  return EXIT.ok;
}

const LEFT_OUT = new Set(['seq', 'prev', 'time', 'kind', 'hash', 'signature', 'certificate']);

/** Without what nobody reads: hashes of lines, signatures, and members that are null. */
function recordText(record: AuditRecord): string {
  const members = Object.entries(record)
    .filter(([member, value]) => !LEFT_OUT.has(member) && value !== null)
    .map(([member, value]) => `${member}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${record.time}  ${String(record.seq).padStart(8)}  ${record.kind.padEnd(9)}  ${members.join(' ')}`.trimEnd();
}
