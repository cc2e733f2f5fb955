// Callers that forge what a proxy says of them, and callers that take their time.
import { BODY, CLOSE, CREDENTIALS, create, get, HOST, LOOK } from './caller-acts.ts';
import type { Case, Section } from './case.ts';
import { BODIES } from './cases-bodies.ts';
import { isCleaned, isLetGo, keeps } from './judge.ts';

const FORGED: readonly Case[] = [
  {
    name: 'forged X-Forwarded-For',
    by: 'caller',
    sent: '`X-Forwarded-For: 6.6.6.6`',
    bytes: get(HOST, CLOSE, 'X-Forwarded-For: 6.6.6.6'),
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'forged forwarding headers',
    by: 'caller',
    sent: '`Forwarded`, `X-Real-IP`, `X-Client-IP`, `X-Forwarded-Host`',
    bytes: get(
      HOST,
      CLOSE,
      ...['Forwarded: for=', 'X-Real-IP: ', 'X-Client-IP: ', 'X-Forwarded-Host: '].map((name) => `${name}6.6.6.6`),
    ),
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'forged, with underscores',
    by: 'caller',
    sent: '`X_Forwarded_For: 6.6.6.6`',
    bytes: get(HOST, CLOSE, 'X_Forwarded_For: 6.6.6.6'),
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 400, outcome: 'not_sent', requests: 0 },
  },
  {
    name: 'Connection: authorization',
    by: 'caller',
    sent: 'Authorization, and `Connection: close, authorization`',
    bytes: get(HOST, 'Connection: close, authorization', CREDENTIALS),
    judge: keeps(/^authorization: basic /im, 'sent on without its credentials'),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'upgrade to HTTP/2',
    by: 'caller',
    sent: '`Connection: Upgrade, HTTP2-Settings`, `Upgrade: h2c`',
    bytes: get(HOST, 'Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    judge: isCleaned(/^upgrade:/im),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'upgrade to a WebSocket',
    by: 'caller',
    sent: '`Connection: Upgrade`, `Upgrade: websocket`, where the API has none',
    bytes: get(
      HOST,
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ),
    judge: isCleaned(/^upgrade:/im),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
];

/** Whoever is served here within a second has to send, too. @param status 0: closed without an answer */
function slow(name: string, sent: string, bytes: string, status: number, more: Partial<Case> = {}): Case {
  const refused = { status, requests: 0 };
  const gateway = status === 0 ? refused : { ...refused, outcome: 'not_sent' as const };
  return { name, sent, bytes, by: 'caller', judge: isLetGo, gateway, ...more };
}

const SLOW: readonly Case[] = [
  slow('body that does not come', '`Content-Length: 9`, 8 bytes, and silence', create('Content-Length: 9') + BODY, 408),
  slow(
    'large body that stops',
    '`Content-Length: 200000`, 100,000 bytes, and silence',
    create('Content-Length: 200000') + BODY + 'x'.repeat(99_992),
    408,
  ),
  slow(
    'body that dribbles',
    '`Content-Length: 9000`, and a byte every 100 ms',
    create('Content-Length: 9000') + BODY,
    408,
    { drips: true },
  ),
  slow('head that dribbles', 'a byte of a header every 100 ms', `GET ${LOOK} HTTP/1.1\r\n${HOST}\r\nX-A: `, 408, {
    drips: true,
  }),
  slow('half a head', 'half a request line, and silence', `GET ${LOOK}`, 408),
];

export const BODIES_AND_MORE: readonly Section[] = [
  { title: 'What callers say of others', cases: FORGED },
  { title: 'Bodies', cases: BODIES },
  { title: 'Slow callers', cases: SLOW },
];
