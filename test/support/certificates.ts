// Certificates made by openssl, in files, as operators have them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Folder, openFolder } from './folder.ts';
import { needs } from './needs.ts';

export const hasOpenssl = needs('openssl', 'apt-get install openssl');

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface CertificateFolder extends Folder {
  /** The path of one of its files. */
  at(name: string): string;
  read(name: string): Buffer;
  /** An authority, in NAME.pem and NAME.key. */
  authority(name: string): void;
  /** A certificate for `dns` by an authority, in NAME.pem and NAME.key; one of that name is written over. */
  issue(name: string, dns: string, authority: string): void;
}

export function openCertificates(): CertificateFolder {
  const folder = openFolder();
  const at = (name: string): string => join(folder.path, name);
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder.path, stdio: 'ignore' });
  return {
    ...folder,
    at,
    read: (name) => readFileSync(at(name)),
    authority(name) {
      const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
      openssl('req', '-x509', ...EC, '-days', '2', '-subj', `/CN=${name}`, ...files);
    },
    issue(name, dns, authority) {
      openssl('req', ...EC, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      writeFileSync(at('names'), `subjectAltName=DNS:${dns}`);
      const by = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-days', '2'];
      openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-extfile', 'names', '-out', `${name}.pem`);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
