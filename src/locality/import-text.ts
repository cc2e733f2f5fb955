// The bytes of an import as text: UTF-8 alone, since a name that was read in another encoding is another name.
import type { Fault } from './import-line.ts';
import { fault } from './import-line.ts';

export type Bytes = AsyncIterable<Uint8Array | string>;

/** Thrown by `decode` where the bytes are not UTF-8; carries the fault to be told. */
export class NotTextError extends Error {
  override readonly name = 'NotTextError';
  readonly fault: Fault;
  constructor(found: Fault) {
    super('not UTF-8');
    this.fault = found;
  }
}

/** Yields the text, without a byte order mark. @throws NotTextError */
export async function* decode(bytes: Bytes): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for await (const chunk of bytes) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    yield advance(() => decoder.decode(part, { stream: true }), part);
  }
  yield advance(() => decoder.decode(), new Uint8Array());

  function advance(read: () => string, part: Uint8Array): string {
    try {
      const text = read();
      line += newlines(text);
      return text;
    } catch {
      const lenient = new TextDecoder().decode(part);
      const before = lenient.slice(0, Math.max(0, lenient.indexOf('\uFFFD')));
      throw new NotTextError(
        fault(line + newlines(before), undefined, 'bytes that are not UTF-8', 'text', 'Save the file as UTF-8.'),
      );
    }
  }
}

export function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
