// Paths: of the gateway's own files, and prefixes of the URLs that it passes through.
import { resolve } from 'node:path';
import { isOwnSegment } from './names.ts';
import { Unfit } from './units.ts';

export const KEY_FILE = 'the path of a file, such as data/identity.key';
export const AUDIT_FILE = 'the path of a file, such as data/audit.jsonl, or null for none';
export const AUDIT_KEY = 'the path of a file, such as data/audit.key';
export const SOURCE_FILE = 'the path of a file, such as data/accounts-source';
export const PREFIX = 'a path prefix such as /help';

export const DEFAULT_KEY_FILE = 'data/identity.key';
export const DEFAULT_AUDIT_FILE = 'data/audit.jsonl';
export const DEFAULT_AUDIT_KEY = 'data/audit.key';

/** The path of a file, relative to `folder`. */
export function readKeyFile(folder: string): (text: string) => string | Unfit {
  return (text) => readPath(text, folder, KEY_FILE);
}

/** An absolute path, from `folder` on. */
export function readPath(text: string, folder: string, expected: string): string | Unfit {
  if (text.trim() !== text || text === '' || /\p{Cc}/u.test(text)) return new Unfit(expected);
  if (text.startsWith('~')) return new Unfit(expected, 'Write the folder itself: ~ stands for nothing here.');
  if (/(^|\/)\.{0,2}$/.test(text)) return new Unfit(expected, 'This is a folder: add the name of the file.');
  return resolve(folder, text);
}

/** A prefix of paths outside the API; that its first segment is no region's name is checked in checks-paths.ts. */
export function readPrefix(text: string): string | Unfit {
  if (!text.startsWith('/')) return new Unfit(PREFIX, 'Begin it with /.');
  if (text === '/') return new Unfit(PREFIX, 'All paths begin with /: the API would be covered too.');
  if (text.endsWith('/')) return new Unfit(PREFIX, 'Write it without the slash at the end.');
  const [, ...segments] = text.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return new Unfit(PREFIX, 'Write it without . and .. between slashes.');
  if (!segments.every((segment) => /^[A-Za-z0-9_.-]+$/.test(segment))) {
    return new Unfit(PREFIX, 'Between slashes stand letters, digits, dots, hyphens and underscores, at least one.');
  }
  if (!isOwnSegment(firstSegment(text))) return text;
  return new Unfit("a path prefix outside the API and the gateway's own paths, such as /help");
}

/** `help` of `/help/faq`. */
export function firstSegment(prefix: string): string {
  return prefix.split('/', 2)[1] ?? '';
}
