// Temporary folders that go away with their test.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folder extends Disposable {
  readonly path: string;
  /** Writes a file and returns its path. */
  write(name: string, text: string): string;
}

export function openFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'onetime-gateway-'));
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
