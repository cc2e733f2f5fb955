// Connections that begin with a PROXY header, or should have: from a load balancer, and from somebody else.
import { headerV2, lineV1, TCP6_ADDRESSES } from '../support/proxy-headers.ts';
import { CLOSE, get, HOST } from './caller-acts.ts';
import type { Case, Section } from './case.ts';
import { isCleaned, isLetGo, isRefused, isServed, keeps } from './judge.ts';

const REQUEST = get(HOST, CLOSE);
const STRANGER = '127.0.0.2';
/** As the gateway gives a header, and a second. */
const BOUND_MS = 6000;
const text = (header: Buffer): string => header.toString('latin1');

type Kind = Pick<Case, 'judge' | 'gateway'>;
const SERVED = { status: 200, outcome: 'delivered', requests: 1 } as const;
/** What is no header gets no answer: whoever sent it does not speak HTTP yet. */
const CLOSED: Kind = { judge: isRefused(), gateway: { status: 0, requests: 0 } };
const OWN: Kind = { judge: isServed, gateway: SERVED };

function named(address: RegExp): Kind {
  const told = new RegExp(`^x-forwarded-for: ${address.source}\\r$`, 'im');
  return { judge: keeps(told, 'the region was told of somebody else'), gateway: SERVED };
}

function header(name: string, sent: string, bytes: string, { judge, gateway }: Kind, more: Partial<Case> = {}): Case {
  return { name, sent, bytes, by: 'caller', variant: 'proxied', judge, gateway, ...more };
}

const NAMED: readonly Case[] = [
  header(
    'v1, IPv4',
    '`PROXY TCP4 203.0.113.9 ...`',
    text(lineV1('TCP4', '203.0.113.9')) + REQUEST,
    named(/203\.0\.113\.9/),
  ),
  header(
    'v1, IPv6',
    '`PROXY TCP6 2001:db8::7 ...`',
    text(lineV1('TCP6', '2001:db8::7')) + REQUEST,
    named(/2001:db8::7/),
  ),
  header('v1, UNKNOWN', '`PROXY UNKNOWN`', `PROXY UNKNOWN\r\n${REQUEST}`, OWN),
  header('v2, IPv4', 'version 2, PROXY, TCP over IPv4', text(headerV2()) + REQUEST, named(/203\.0\.113\.9/)),
  header(
    'v2, IPv6',
    'version 2, PROXY, TCP over IPv6',
    text(headerV2({ family: 0x21, addresses: TCP6_ADDRESSES })) + REQUEST,
    named(/2001:db8::7/),
  ),
  header('v2, LOCAL', 'version 2, LOCAL', text(headerV2({ command: 0x20 })) + REQUEST, {
    judge: keeps(/^x-forwarded-for: 127\.0\.0\.1\r$/im, 'the region was told of somebody else'),
    gateway: SERVED,
  }),
];

const FORGED: readonly Case[] = [
  header(
    'header from a stranger',
    '`PROXY TCP4 203.0.113.9 ...`, from an address that is no load balancer’s',
    text(lineV1('TCP4', '203.0.113.9')) + REQUEST,
    { judge: isCleaned(/203\.0\.113\.9/), gateway: { status: 400, outcome: 'not_sent', requests: 0 } },
    { from: STRANGER },
  ),
  header(
    'v2 from a stranger',
    'version 2, from an address that is no load balancer’s',
    text(headerV2()) + REQUEST,
    { judge: isCleaned(/203\.0\.113\.9/), gateway: { status: 400, outcome: 'not_sent', requests: 0 } },
    { from: STRANGER },
  ),
  header(
    'two headers',
    'one of a load balancer, and one behind it',
    text(lineV1('TCP4', '203.0.113.9')) + text(lineV1('TCP4', '6.6.6.6')) + REQUEST,
    { judge: isRefused(/6\.6\.6\.6/, 'doubtful'), gateway: { status: 400, outcome: 'not_sent', requests: 0 } },
  ),
  header('no header', 'a request at once, from the load balancer', REQUEST, CLOSED),
];

const MALFORMED: readonly (readonly [string, string, string])[] = [
  ['v1 with a zero before a number', '`PROXY TCP4 203.0.113.09 ...`', text(lineV1('TCP4', '203.0.113.09'))],
  ['v1 with a port too high', '`... 65536 443`', 'PROXY TCP4 203.0.113.9 192.0.2.5 65536 443\r\n'],
  ['v1 of another family', '`PROXY TCP4`, IPv6 addresses', text(lineV1('TCP4', '2001:db8::7', '2001:db8::5'))],
  ['v1 with a bare LF', '`... 443\\n`', 'PROXY TCP4 203.0.113.9 192.0.2.5 40001 443\n'],
  ['v1 without an end', '`PROXY UNKNOWN`, and 200 letters', `PROXY UNKNOWN ${'x'.repeat(200)}`],
  ['v1 in small letters', '`proxy tcp4 ...`', 'proxy tcp4 203.0.113.9 192.0.2.5 40001 443\r\n'],
  ['v2 of another version', 'version 3', text(headerV2({ command: 0x31 }))],
  ['v2 of an unknown command', 'command 2', text(headerV2({ command: 0x22 }))],
  ['v2 of an unknown family', 'family 4', text(headerV2({ family: 0x41 }))],
  ['v2 with addresses cut', 'TCP over IPv4, 8 bytes of addresses', text(headerV2({ addresses: Buffer.alloc(8) }))],
  ['v2 with a length beyond the header', '65,535 bytes, of which 12 come', text(headerV2({ length: 0xffff }))],
];

export const PROXY_HEADERS: readonly Section[] = [
  {
    title: 'PROXY headers',
    cases: [
      ...NAMED,
      ...FORGED,
      ...MALFORMED.map(([name, sent, bytes]) => header(name, sent, bytes + REQUEST, CLOSED)),
      header(
        'half a header',
        '`PROXY TCP4 203.`, and silence',
        'PROXY TCP4 203.',
        { ...CLOSED, judge: isLetGo },
        { boundMs: BOUND_MS },
      ),
    ],
  },
];
