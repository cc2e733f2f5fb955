// Advisories of WebSocket servers: ws, and @fastify/websocket, which is not installed.
import type { Advisory } from './advisory.ts';

export const WEBSOCKETS: readonly Advisory[] = [
  {
    id: 'GHSA-6663-c963-2gqg',
    alias: 'CVE-2016-10542',
    package: 'ws',
    affected: ['>=0.0.0 <1.1.1'],
    summary: 'A message of any size is taken.',
    here: { shown: 'a message beyond the bound ends the WebSocket and never reaches the region' },
  },
  {
    id: 'GHSA-5v72-xg48-5rpm',
    package: 'ws',
    affected: ['>=0.6.0 <1.1.5', '>=2.0.0 <3.3.1'],
    summary: 'Extensions named like properties of every object end the process.',
    here: { shown: 'extensions named like properties are ignored or refused, and the process lives' },
  },
  {
    id: 'GHSA-6fc8-4gx4-v693',
    alias: 'CVE-2021-32640',
    package: 'ws',
    affected: ['>=5.0.0 <5.2.3', '>=6.0.0 <6.2.2', '>=7.0.0 <7.4.6'],
    summary: 'A long Sec-WebSocket-Protocol takes a regular expression very long.',
    here: { shown: 'a long Sec-WebSocket-Protocol is answered at once' },
  },
  {
    id: 'GHSA-3h5v-q93c-6h6q',
    alias: 'CVE-2024-37890',
    package: 'ws',
    affected: ['>=2.1.0 <5.2.4', '>=6.0.0 <6.2.3', '>=7.0.0 <7.5.10', '>=8.0.0 <8.17.1'],
    summary: 'A handshake with more headers than Node hands over ends the process.',
    here: { shown: 'a handshake with thousands of headers is refused, and the next one is served' },
  },
  {
    id: 'GHSA-58qx-3vcg-4xpx',
    alias: 'CVE-2026-45736',
    package: 'ws',
    affected: ['>=8.0.0 <8.20.1'],
    summary: 'A close reason given as numbers sends uninitialised memory.',
    here: { shown: 'a close frame holds what the region said and nothing else' },
  },
  {
    id: 'GHSA-96hv-2xvq-fx4p',
    alias: 'CVE-2026-48779',
    package: 'ws',
    affected: ['>=1.1.0 <5.2.5', '>=6.0.0 <6.2.4', '>=7.0.0 <7.5.11', '>=8.0.0 <8.21.0'],
    summary: 'Very many tiny fragments take far more memory than the longest message may.',
    here: { shown: 'a message in endless tiny fragments ends the WebSocket' },
  },
  {
    id: 'GHSA-4pcg-wr6c-h9cq',
    alias: 'CVE-2022-39386',
    package: '@fastify/websocket',
    affected: ['>=5.0.0 <5.0.1', '>=6.0.0 <7.1.1'],
    summary: 'A malformed frame is an exception that nobody catches.',
    here: { shown: 'malformed frames end their WebSocket alone' },
  },
];
