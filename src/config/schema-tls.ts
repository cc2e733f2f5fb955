// The sections `listen.tls` and `regions.X.tls` of the configuration: what callers are shown; how the gateway knows a region's
// servers, and how they know it. Files are read with the configuration, so that what is wrong with one is told with its line, and a renewed one is
// taken up by a reload.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { z } from 'zod';
import { flag, list, oneOf, section, text } from './fields.ts';
import { readPath } from './paths.ts';
import type { CertificateConfig, UpstreamTls } from './types.ts';
import { Unfit } from './units.ts';

const CERTIFICATES = 'the path of a file with certificates in PEM';
const KEY = 'the path of a file with a private key in PEM, without a passphrase';
const PIN = 'the SHA-256 of a public key in base64, 44 characters, as curl --pinnedpubkey has it behind sha256//';

/** @param check throws for text that is not what it is to be */
function pemFile(folder: string, expected: string, check: (pem: string) => void) {
  return text(expected, (path): string | Unfit => {
    const file = readPath(path, folder, expected);
    if (file instanceof Unfit) return file;
    let pem: string;
    try {
      pem = readFileSync(file, 'utf8');
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
      return new Unfit(expected, `The file cannot be read (${code}).`);
    }
    try {
      check(pem);
    } catch {
      return new Unfit(expected, 'The file holds something else.');
    }
    return pem;
  });
}

const certificates = (folder: string) => pemFile(folder, CERTIFICATES, (pem) => void new X509Certificate(pem));

const readPin = (pin: string): string | Unfit =>
  /^[A-Za-z0-9+/]{43}=$/.test(pin) && Buffer.from(pin, 'base64').length === 32 ? pin : new Unfit(PIN);

/** A certificate is worth nothing without the key that belongs to it. */
const fits = (cert: string, key: string): boolean => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));

function pairProblem({ clientCert, clientKey }: { clientCert?: string | undefined; clientKey?: string | undefined }) {
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    return { at: clientCert === undefined ? 'clientKey' : 'clientCert', what: 'clientCert and clientKey together' };
  }
  if (clientCert === undefined || clientKey === undefined || fits(clientCert, clientKey)) return undefined;
  return { at: 'clientKey', what: `${BELONGING} clientCert` };
}

const BELONGING = 'the key that belongs to the certificate in';
const privateKey = (folder: string) => pemFile(folder, KEY, (pem) => void createPrivateKey(pem));
const minVersion = () =>
  oneOf(['TLSv1.2', 'TLSv1.3']).prefault('TLSv1.2').describe('Older versions of TLS are not spoken.');

const pair = (folder: string) => ({
  cert: certificates(folder).describe('The certificate, and behind it those up to the authority.'),
  key: privateKey(folder).describe('Its private key. Readable by the gateway alone.'),
});

/** Adds a problem where key and certificate are strangers. */
function checkPair({ cert, key }: CertificateConfig, context: z.RefinementCtx): void {
  if (!fits(cert, key)) {
    context.addIssue({ code: 'custom', message: `${BELONGING} cert`, path: ['key'] });
    return;
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    // A key that is too short, a hash that is too old: what OpenSSL does not take from a server of these days.
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    context.addIssue({ code: 'custom', message: `a certificate and key that OpenSSL takes${code}`, path: ['cert'] });
  }
}

/** @param folder where relative paths start */
export const listenTls = (folder: string) =>
  section({
    ...pair(folder),
    minVersion: minVersion(),
    http2: flag().prefault(true).describe('Whether callers may choose HTTP/2; HTTP/1.1 is always spoken.'),
    clientCa: certificates(folder)
      .optional()
      .describe(
        'Authorities of which every caller needs a certificate, beside its credentials. Without it nobody does.',
      ),
    certificates: list('certificates with their keys', section(pair(folder)).superRefine(checkPair))
      .prefault([])
      .describe('Further certificates, for callers that ask for a name which one of them has.'),
  }).superRefine(checkPair);

/** @param folder where relative paths start */
export const regionTls = (folder: string) =>
  section({
    ca: certificates(folder)
      .optional()
      .describe("Authorities whose certificates the region's servers may have, in place of those that Node brings."),
    pinSha256: list('pins', text(PIN, readPin))
      .prefault([])
      .describe(
        "Public keys, one of which the region's servers must have, by their SHA-256; none: any that is trusted.",
      ),
    clientCert: certificates(folder).optional().describe('Certificate by which the region knows the gateway.'),
    clientKey: privateKey(folder).optional().describe('Its private key. Readable by the gateway alone.'),
    minVersion: minVersion(),
  }).transform((tls, context): UpstreamTls => {
    const problem = pairProblem(tls);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem.what, path: [problem.at] });
    return tls;
  });
