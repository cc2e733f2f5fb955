// What grows, as data: sizes, how a gateway of that size is configured and filled, and what varies from request to request.
import { fillAccounts, fillKeys } from './growth-fill.ts';
import { accountName, type Varying } from './growth-load.ts';

export interface Dimension {
  readonly name: string;
  readonly title: string;
  /** What is counted. */
  readonly unit: string;
  readonly about: string;
  readonly sizes: readonly number[];
  readonly quickSizes: readonly number[];
  readonly vary: Varying;
  /** How many members the load goes round; undefined: the size. */
  readonly population?: number;
  /** Writes what is in the store before the gateway starts. */
  readonly fill?: (file: string, identityKey: Buffer, size: number) => Promise<void>;
  /** The members are there when each has sent a request. */
  readonly filledByLoad?: true;
  readonly rules?: (size: number) => readonly string[];
  /** Undefined: two. */
  readonly regions?: (size: number) => number;
}

/** Accounts of the dimension that is about regions: they are spread over all of them. */
const SPREAD_ACCOUNTS = 1000;
const regionName = (at: number): string => `r${at}`;

const rulesOver = (accounts: number, regions: number): string[] =>
  Array.from(
    { length: accounts },
    (_, at) => `{ account: "${accountName(at)}", region: ${nameOfRegion(at % regions)}, pinned: true }`,
  );

/** The first two are those that stores are filled with. */
export const nameOfRegion = (at: number): string => ['us', 'eu'][at] ?? regionName(at);

export const DIMENSIONS: readonly Dimension[] = [
  {
    name: 'accounts',
    title: 'Accounts in the directory',
    unit: 'accounts',
    about: 'authenticated retrieve, each request by another account',
    sizes: [1, 100, 10_000, 1_000_000],
    quickSizes: [1, 1000],
    vary: 'account',
    fill: fillAccounts,
  },
  {
    name: 'rules',
    title: 'Accounts as rules of the configuration',
    unit: 'rules',
    about: 'authenticated retrieve, each request by another account',
    sizes: [1, 100, 10_000],
    quickSizes: [1, 100],
    vary: 'account',
    rules: (size) => rulesOver(size, 2),
  },
  {
    name: 'keys',
    title: 'Keys in the index',
    unit: 'keys',
    about: 'anonymous retrieve, each request of another key of the index',
    sizes: [100, 10_000, 1_000_000, 10_000_000],
    quickSizes: [100, 10_000],
    vary: 'key',
    fill: fillKeys,
  },
  {
    name: 'addresses',
    title: 'Client addresses',
    unit: 'addresses',
    about: 'anonymous retrieve, each request from another address, all of which are being counted',
    sizes: [1, 100, 10_000, 1_000_000],
    quickSizes: [1, 1000],
    vary: 'address',
    filledByLoad: true,
  },
  {
    name: 'regions',
    title: 'Regions',
    unit: 'regions',
    about: `authenticated retrieve by ${SPREAD_ACCOUNTS.toLocaleString('en')} accounts, spread over all regions`,
    sizes: [1, 2, 5, 20],
    quickSizes: [1, 3],
    vary: 'account',
    population: SPREAD_ACCOUNTS,
    rules: (size) => rulesOver(SPREAD_ACCOUNTS, size),
    regions: (size) => size,
  },
];

/** An hour's allowance a request, so that who has sent one is counted for the whole run, and so much that nobody is refused. */
const COUNTED = '{ per: 24h, requests: 24, burst: 10000000, mode: enforce }';
const NEVER_REACHED = '{ per: 1s, requests: 10000000, burst: 10000000, mode: enforce }';

/** The configuration, as YAML, with every policy on. */
export function growthFile({ rules, regions }: Dimension, size: number, ports: readonly number[]): string {
  const count = regions?.(size) ?? 2;
  const places = ports
    .slice(0, count)
    .map((port, at) => `  ${nameOfRegion(at)}: { upstreams: ["http://127.0.0.1:${port}"] }`);
  const lines = (rules?.(size) ?? []).map((rule) => `    - ${rule}`);
  return `listen: { host: 127.0.0.1, port: 0, trustProxy: [127.0.0.1], maxRequestsPerConnection: off }
admin: { host: 127.0.0.1, port: 0 }
regions:
${places.join('\n')}
accounts:
  unknown: refuse
${lines.length === 0 ? '' : `  rules:\n${lines.join('\n')}`}
anonymous: { create: us, retrieve: us }
limits:
  anonymousRetrieval: ${COUNTED}
  perKey: ${NEVER_REACHED}
  failedAuth: ${NEVER_REACHED}
  account: ${NEVER_REACHED}
  regionBudget: ${NEVER_REACHED}
store: sqlite:gateway.db
identityKey: identity.key
log: { level: info }
`;
}
