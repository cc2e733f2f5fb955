// Advisories of Node about HTTP/1.1, from its security releases.
import type { Advisory } from './advisory.ts';

const ONE_LENGTH = 'any doubt about where a body ends is refused, and what stands behind is not served';
const STRICT_LINES = 'lines end with CR LF alone, or the request is refused and what stands behind is not served';

export const NODE: readonly Advisory[] = [
  {
    id: 'CVE-2018-7159',
    package: 'node',
    affected: ['>=4.0.0 <4.9.0', '>=6.0.0 <6.14.0', '>=8.0.0 <8.11.0', '>=9.0.0 <9.10.0'],
    summary: 'Spaces within Content-Length are ignored.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2019-5737',
    package: 'node',
    affected: ['>=6.0.0 <6.17.0', '>=8.0.0 <8.15.1', '>=10.0.0 <10.15.2', '>=11.0.0 <11.10.1'],
    summary: 'Headers that dribble in on a kept connection hold it for ever.',
    here: { shown: 'a second request whose headers dribble is cut in time' },
  },
  {
    id: 'CVE-2020-8201',
    package: 'node',
    affected: ['>=12.0.0 <12.18.4', '>=14.0.0 <14.11.0'],
    summary: 'A CR within the name of a header becomes a hyphen.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2020-8251',
    package: 'node',
    affected: ['>=14.0.0 <14.11.0'],
    summary: 'Requests that never end take all resources.',
    here: { shown: 'a request that never ends is answered 408 and cut' },
  },
  {
    id: 'CVE-2020-8287',
    package: 'node',
    affected: ['>=10.0.0 <10.23.1', '>=12.0.0 <12.20.1', '>=14.0.0 <14.15.4', '>=15.0.0 <15.5.1'],
    summary: 'Of two Transfer-Encoding headers the second is ignored.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2021-22959',
    package: 'node',
    affected: ['>=12.0.0 <12.22.7', '>=14.0.0 <14.18.1', '>=16.0.0 <16.11.1'],
    summary: 'A space between the name of a header and its colon is accepted.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2021-22960',
    package: 'node',
    affected: ['>=12.0.0 <12.22.7', '>=14.0.0 <14.18.1', '>=16.0.0 <16.11.1'],
    summary: 'Chunk extensions are not looked at: a line break in them is none.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2022-32213',
    package: 'node',
    affected: ['>=14.0.0 <14.20.1', '>=16.0.0 <16.17.1', '>=18.0.0 <18.9.1'],
    summary: 'Transfer-Encoding is not validated.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2022-32214',
    package: 'node',
    affected: ['>=14.0.0 <14.20.0', '>=16.0.0 <16.20.0', '>=18.0.0 <18.5.0'],
    summary: 'Something else than CR LF separates headers.',
    here: { shown: STRICT_LINES },
  },
  {
    id: 'CVE-2022-32215',
    package: 'node',
    affected: ['>=14.0.0 <14.20.1', '>=16.0.0 <16.17.1', '>=18.0.0 <18.9.1'],
    summary: 'Transfer-Encoding over several lines is not read right.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2022-35256',
    package: 'node',
    affected: ['>=14.0.0 <14.20.1', '>=16.0.0 <16.17.1', '>=18.0.0 <18.9.1'],
    summary: 'A header that does not end with CR LF is not read right.',
    here: { shown: STRICT_LINES },
  },
  {
    id: 'CVE-2023-30589',
    package: 'node',
    affected: ['>=16.0.0 <16.20.1', '>=18.0.0 <18.16.1', '>=20.0.0 <20.3.1'],
    summary: 'A CR alone separates headers.',
    here: { shown: STRICT_LINES },
  },
  {
    id: 'CVE-2024-22019',
    package: 'node',
    affected: ['>=18.0.0 <18.19.1', '>=20.0.0 <20.11.1', '>=21.0.0 <21.6.2'],
    summary: 'Chunk extensions are read without bound.',
    here: { shown: 'endless chunk extensions are refused before they have cost much' },
  },
  {
    id: 'CVE-2024-27982',
    package: 'node',
    affected: ['>=18.0.0 <18.20.1', '>=20.0.0 <20.12.1', '>=21.0.0 <21.7.2'],
    summary: 'A space before Content-Length hides it.',
    here: { shown: ONE_LENGTH },
  },
  {
    id: 'CVE-2025-23167',
    package: 'node',
    affected: ['>=20.0.0 <20.19.2'],
    summary: 'CR LF CR and any byte end the headers.',
    here: { shown: STRICT_LINES },
  },
  {
    id: 'CVE-2026-21710',
    package: 'node',
    affected: ['>=20.0.0 <20.20.2', '>=22.0.0 <22.22.2', '>=24.0.0 <24.14.1', '>=25.0.0 <25.8.2'],
    summary: 'A header named __proto__ ends a process that asks for distinct headers.',
    here: { shown: 'headers named like properties are data, and the process lives' },
  },
  {
    id: 'CVE-2026-48931',
    package: 'node',
    affected: ['>=22.0.0 <22.23.0', '>=24.0.0 <24.17.0', '>=26.0.0 <26.3.1'],
    summary: 'An answer that was sent before its request is accepted.',
    here: { shown: 'an answer on an idle connection is nobody’s' },
  },
  {
    id: 'CVE-2026-58044',
    package: 'node',
    affected: ['>=22.0.0 <22.23.2', '>=24.0.0 <24.18.1', '>=26.0.0 <26.5.1'],
    summary: 'Headers beyond a number are left out of what a proxy sees, while they still frame the body.',
    here: { shown: 'a length behind thousands of headers is refused with them, or counts' },
  },
];
