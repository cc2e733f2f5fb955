// The recorded exchanges: reads them, and makes whole again what the recording cut short.
import { readFileSync } from 'node:fs';

export interface Exchange {
  readonly run: 1 | 2 | 3;
  readonly case: string;
  readonly region: 'us' | 'eu';
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly string[];
    readonly body: string | null;
    readonly curl_arguments?: readonly string[];
  };
  readonly response: {
    readonly status: number;
    readonly status_line: string;
    readonly headers: readonly string[];
    readonly body: string;
  };
  readonly note?: string;
}

export function readTranscripts(): Exchange[] {
  const text = readFileSync(new URL('transcripts.jsonl', import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line): Exchange => JSON.parse(line));
}

/** A long text is cut with its true length beside it; what was cut repeats one character. */
export function makeWhole(text: string): string {
  const marker = /\.\.\.[[(](\d+) characters in all[\])]$/.exec(text);
  if (marker === null) return text;
  const kept = text.slice(0, marker.index);
  return kept.padEnd(Number(marker[1]), kept.at(-1));
}

/** Whether an answer's body was cut where it cannot be made whole again: pages. */
export function isCutPage(text: string): boolean {
  return /^<.*\.\.\.\(\d+ bytes\)$/s.test(text);
}

/** The body that curl sent, rebuilt from its arguments where the recording has only those. */
export function requestBody(request: Exchange['request'], substitute: (text: string) => string): Buffer {
  const boundary = /boundary=(\S+)/.exec(request.headers.join('\n'))?.[1];
  if (request.curl_arguments?.includes('-F') !== true || boundary === undefined) {
    return Buffer.from(substitute(makeWhole(request.body ?? '')));
  }
  let body = '';
  request.curl_arguments.forEach((argument, index, all) => {
    if (argument !== '-F') return;
    const field = all[index + 1] ?? '';
    const equals = field.indexOf('=');
    const name = field.slice(0, equals);
    body += `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${field.slice(equals + 1)}\r\n`;
  });
  return Buffer.from(`${body}--${boundary}--\r\n`);
}
