// What crosses from one thread to another. The structured clone that a MessagePort makes turns Buffers into Uint8Arrays,
// takes the whole pool along that a small Buffer lies in, and keeps of an error neither its class nor its code.
import { CursorError, MarkMissingError, MarkRegressedError } from '../store/directory-store.ts';
import { StoreOpenError } from '../store/sqlite-file.ts';
import { StoreAwayError } from '../store/store.ts';

/** An error as it crosses. Only these of its fields: what else hangs on it may quote what was sent. */
interface CarriedError {
  readonly [CARRIED]: true;
  readonly name: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

const CARRIED = '\0error';
/** Of system errors, and of the store's. */
const FACTS = ['code', 'errno', 'errcode', 'syscall', 'address', 'port', 'fault'] as const;

/** The classes that are asked for by `instanceof`, made anew from what was carried. */
const CLASSES: Readonly<Record<string, (carried: CarriedError) => Error>> = {
  StoreAwayError: ({ message, facts }) => new StoreAwayError(message, String(facts.code)),
  MarkMissingError: () => new MarkMissingError(),
  MarkRegressedError: () => new MarkRegressedError(),
  CursorError: () => new CursorError(),
  StoreOpenError: ({ message }) => new StoreOpenError(message),
};

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function carry(error: Error): CarriedError {
  const known = error as unknown as Record<string, unknown>;
  const facts = Object.fromEntries(FACTS.flatMap((fact) => (known[fact] === undefined ? [] : [[fact, known[fact]]])));
  return { [CARRIED]: true, name: error.name, message: error.message, facts };
}

function revive(carried: CarriedError): Error {
  const made = CLASSES[carried.name]?.(carried);
  if (made !== undefined) return made;
  const { name, message, facts } = carried;
  return Object.assign(new Error(message), facts, { name });
}

function each(value: object, change: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner)]));
}

/** @param value plain objects, lists, Buffers, errors, and what a structured clone keeps as it is */
export function pack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(value);
  return value instanceof Error ? carry(value) : each(value, pack);
}

/** The other way. Every Uint8Array is a Buffer again. */
export function unpack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return isPlain(value) && CARRIED in value ? revive(value as unknown as CarriedError) : each(value, unpack);
}
