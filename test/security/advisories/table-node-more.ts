// Advisories of Node about HTTP/2, TLS and hashing. TLS, towards callers and regions, has tests of its own.
import type { Advisory } from './advisory.ts';

const HTTP2 = { shown: 'the connection ends, nothing is sent on, nothing is kept, and the next caller is served' };
const AGENT = { unreachable: 'Node’s https.Agent is not used: the connections to regions are undici’s' };
const JUNE_2026 = ['>=22.0.0 <22.23.0', '>=24.0.0 <24.17.0', '>=26.0.0 <26.3.1'];
const JULY_2026 = ['>=22.0.0 <22.23.2', '>=24.0.0 <24.18.1', '>=26.0.0 <26.5.1'];

const node = (id: string, affected: readonly string[], summary: string, here: Advisory['here']): Advisory => {
  return { id, package: 'node', affected, summary, here };
};

export const NODE_MORE: readonly Advisory[] = [
  node('CVE-2023-44487', ['>=18.0.0 <18.18.2', '>=20.0.0 <20.8.1'], 'Streams are made and reset without bound.', HTTP2),
  node(
    'CVE-2024-27983',
    ['>=18.0.0 <18.20.1', '>=20.0.0 <20.12.1', '>=21.0.0 <21.7.2'],
    'A connection cut between CONTINUATION frames ends the process.',
    HTTP2,
  ),
  node(
    'CVE-2026-21714',
    ['>=20.0.0 <20.20.2', '>=22.0.0 <22.22.2', '>=24.0.0 <24.14.1', '>=25.0.0 <25.8.2'],
    'A session is kept after WINDOW_UPDATE has made its window too large.',
    HTTP2,
  ),
  node(
    'CVE-2026-48937',
    ['>=22.0.0 <22.23.0', '>=24.0.0 <24.17.0'],
    'A session takes data after GOAWAY has ended it.',
    HTTP2,
  ),
  node(
    'CVE-2026-56846',
    ['>=22.0.0 <22.23.2', '>=24.0.0 <24.18.1'],
    'Headers that are kept do not count as memory of the session.',
    HTTP2,
  ),
  node('CVE-2026-56848', JULY_2026, 'Sending while receiving uses memory that was freed.', HTTP2),
  node('CVE-2026-48934', JUNE_2026, 'A TLS session is taken up again for another host without looking.', AGENT),
  node('CVE-2026-58040', JULY_2026, 'The same, where the rules of identity differ.', AGENT),
  node('CVE-2026-56850', JULY_2026, 'Connections with one client certificate are used with another.', AGENT),
  node('CVE-2026-48615', JUNE_2026, 'Credentials of a proxy stand in the text of an error.', AGENT),
  node('CVE-2026-48928', JUNE_2026, 'Host names in upper case choose another TLS context.', {
    unreachable: 'which certificate a name gets is tested with the listener’s TLS',
  }),
  node('CVE-2026-48618', JUNE_2026, 'Other Unicode dots in a host name pass a wildcard certificate.', {
    unreachable: 'the hosts of regions are the operator’s, and ASCII once they are URLs',
  }),
  node('CVE-2026-48930', JUNE_2026, 'A NUL in a host name has another one resolved.', {
    unreachable: 'the hosts of regions are the operator’s; a URL with a NUL is none',
  }),
  node(
    'CVE-2026-21717',
    ['>=20.0.0 <20.20.2', '>=22.0.0 <22.22.2', '>=24.0.0 <24.14.1', '>=25.0.0 <25.8.2'],
    'Keys that look like numbers are hashed in a way that can be foretold.',
    { unreachable: 'no JSON of a caller’s is parsed on the public listener' },
  ),
];
