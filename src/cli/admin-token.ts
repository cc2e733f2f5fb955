// `onetime-gateway admin token`: makes a token for the admin API. It is shown once; the configuration has its hash.
import { createHash, randomBytes } from 'node:crypto';
import { printJson } from './terminal.ts';

export interface AdminTokenOptions {
  readonly name: string;
  readonly role: 'read' | 'write';
  readonly json?: boolean | undefined;
  readonly print?: (line: string) => void;
}

/** Prints the token, 256 random bits, and the line for `admin.tokens`. */
export function adminToken({ name, role, json, print = console.log }: AdminTokenOptions): void {
  // The prefix lets scanners of code and logs find a token that was left somewhere.
  const token = `otga_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(token).digest('hex');
  if (json) {
    printJson({ token, entry: { name, role, hash: `sha256:${hash}` } });
    return;
  }
  print('The token. It is shown this once and stored nowhere:');
  print(`  ${token}`);
  print('Put this under admin.tokens of the configuration:');
  print(`  - { name: ${JSON.stringify(name)}, role: ${role}, hash: "sha256:${hash}" }`);
}
