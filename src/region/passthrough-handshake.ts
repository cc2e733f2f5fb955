// The opening of a WebSocket: which requests are one, and the headers of the gateway's own.
import type { IncomingMessage } from 'node:http';

/** Whether a request is the opening handshake of RFC 6455, 4.2.1. Another Upgrade may be ignored (RFC 9110, 7.8). */
export function isHandshake({ method, headers, httpVersion }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

/** Headers as Node's client takes them: several of one name are a list. */
export function objectOf(flat: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? '';
    headers[name] = [...(headers[name] ?? []), flat[i + 1] ?? ''];
  }
  return headers;
}
