// What is answered at /openapi.json and /docs. Loaded when somebody asks for the first time: most gateways are never asked.
import { createHash } from 'node:crypto';
import type { Answer } from '../journey.ts';
import { baseUrl } from './base-url.ts';
import { type DocumentOptions, openapiDocument } from './document.ts';
import { referencePage } from './page.ts';
import { PAGE_POLICY } from './page-style.ts';

/** It changes with the gateway's release or its configuration only. */
const CACHING = 'public, max-age=300';

const SAFE = ['X-Content-Type-Options', 'nosniff', 'Referrer-Policy', 'no-referrer'] as const;
const JSON_HEADERS = ['Content-Type', 'application/json; charset=utf-8', ...SAFE] as const;
const PAGE_HEADERS = [
  'Content-Type',
  'text/html; charset=utf-8',
  'Content-Security-Policy',
  PAGE_POLICY,
  ...SAFE,
] as const;

export interface Pages {
  /** @param headers of the request, flat */
  openapi(headers: readonly string[]): Answer;
  docs(headers: readonly string[]): Answer;
}

export function createPages(options: DocumentOptions): Pages {
  const document = openapiDocument(options);
  const json = `${JSON.stringify(document)}\n`;
  const jsonTag = tagOf(json);
  const page = referencePage(document);
  return {
    openapi: (headers) => answer(headers, jsonTag, JSON_HEADERS, () => json),
    docs(headers) {
      const base = baseUrl(valuesOf(headers, 'host'), options.isSecure);
      return answer(headers, tagOf(`${jsonTag} ${base}`), PAGE_HEADERS, () => page(base));
    },
  };
}

function tagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}

/** @param name lower case */
function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name);
}

/** RFC 9110, 13.1.2: compared weakly. */
function isKnown(headers: readonly string[], tag: string): boolean {
  const known = valuesOf(headers, 'if-none-match').flatMap((value) => value.split(','));
  return known.some((one) => [tag, `W/${tag}`, '*'].includes(one.trim()));
}

function answer(headers: readonly string[], tag: string, own: readonly string[], body: () => string): Answer {
  const about = { kind: 'own', headers: [...own, 'ETag', tag], caching: CACHING } as const;
  return isKnown(headers, tag) ? { ...about, status: 304, body: '' } : { ...about, status: 200, body: body() };
}
