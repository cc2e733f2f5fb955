// `explain`: what the gateway would decide for a request, and why, without sending anything. Runs the very functions that
// decide in production.
import { accountKey, parseCredentials } from '../caller/credentials.ts';
import { hostName } from '../caller/identify.ts';
import type { Config } from '../config/types.ts';
import { type Classified, type Found, type Locality, Permit, type RegionName } from '../domain.ts';
import { createAccounts } from '../locality/accounts.ts';
import { createKeyRooms } from '../locality/held.ts';
import type { KeyIndex } from '../locality/key-index.ts';
import { createDecide } from '../policy/decide.ts';
import { policyOf } from '../policy/policy.ts';
import type { Held } from '../policy/question.ts';
import { Refusal } from '../refusal.ts';
import { isPlainTarget, isUnder } from '../region/passthrough-path.ts';
import { createClassify } from '../route/classify.ts';
import { LINK, PASSTHROUGH, REFERENCE, ROUTES } from '../route/table.ts';

export interface ExplainRequest {
  /** In any case, for the convenience of those who type it; over the wire only upper case is a method. */
  readonly method: string;
  /** Path, with a region prefix if the caller would write one. */
  readonly path: string;
  readonly user: string | undefined;
  /** As in the Onetime-Region header. */
  readonly region: string | undefined;
  /** As in the Host header, without port. */
  readonly host: string | undefined;
}

/** The whole explanation; `--json` prints it as it is. Rule numbers are those of docs/routing.md. */
export interface Explanation {
  readonly route: string | null;
  readonly access: string | null;
  readonly effect: string | null;
  readonly steps: readonly { readonly rule: number; readonly says: string }[];
  /** `concealed`: answered as an unknown key, after verification, since the key is another account's. */
  readonly decision: 'permit' | 'refusal' | 'answered_here' | 'concealed';
  readonly region: string | null;
  readonly reason: string | null;
  readonly credentials: string | null;
  /** The region asked whether the credentials are good, before anything is sent. */
  readonly verify_at: string | null;
  readonly refusal: {
    readonly code: string;
    readonly status: number;
    readonly message: string;
    readonly hint: string | null;
  } | null;
}

const NOTHING = {
  route: null,
  access: null,
  effect: null,
  region: null,
  reason: null,
  credentials: null,
  verify_at: null,
  refusal: null,
} as const;

type Decided = Pick<Explanation, 'decision' | 'refusal'>;

function refused(refusal: Refusal): Decided {
  const { code, status, message } = refusal;
  return { decision: 'refusal', refusal: { code, status, message, hint: refusal.details.hint ?? null } };
}

/** The account's name as the gateway would read it from Basic credentials, or its refusal. */
function userOf(user: string | undefined): string | undefined | Refusal {
  if (user === undefined) return undefined;
  const parsed = parseCredentials(`Basic ${Buffer.from(`${user}:token`).toString('base64')}`);
  return typeof parsed === 'string' ? new Refusal('credentials_malformed') : parsed.name;
}

function classifyCall({ method, path }: ExplainRequest): Classified | Refusal {
  return createClassify([...ROUTES, LINK], REFERENCE)(method.toUpperCase(), path);
}

/** A path under a prefix that is passed through: its region is named by the configuration. */
function classifyPassed(path: string, region: RegionName): Classified | Refusal {
  if (!isPlainTarget(path)) return new Refusal('path_malformed');
  return { route: PASSTHROUGH, path, query: '', key: undefined, prefix: region };
}

/** The gateway's own pages, which ask nobody and decide nothing. */
function explainReference({ route }: Classified, { reference }: Config): Partial<Explanation> & Decided {
  const { id, access, effect } = route;
  const isOn = id === 'reference.openapi' ? reference.openapi : reference.docs;
  const about = { route: id, access, effect };
  return isOn
    ? { ...about, decision: 'answered_here', reason: 'answered_here', refusal: null }
    : { ...about, ...refused(new Refusal('not_found')) };
}

/** What is known beside the configuration. */
export interface Known {
  /** Where an account lives, by its name. */
  readonly account: (name: string) => Found<Locality> | Promise<Found<Locality>>;
  /** What the key index says of the key in a path, for an account by name. */
  readonly key: (request: Classified, user: string | undefined) => Found<Held> | undefined | Promise<Found<Held>>;
  /** Whether an operator has taken the region out of service. */
  readonly isDrained: (region: RegionName) => boolean;
}

/** The key index as `explain` asks it: for a name, without a token. */
export function keyLookup(index: KeyIndex): Known['key'] {
  const { locateKey } = createKeyRooms(index, accountKey);
  return (request, user) => {
    const credentials = user === undefined ? undefined : { name: user, token: '', header: '' };
    return locateKey(request, { credentials, address: '' });
  };
}

/** Where there is no store yet: the rules alone. */
export function knownByRules(config: Config): Known {
  return {
    account: createAccounts(config.accounts.rules, accountKey),
    key: ({ key }) => (key === undefined ? undefined : { kind: 'missing' }),
    isDrained: () => false,
  };
}

/** @param known left out where no store is there: then the rules alone speak, and no key is known */
export async function explain(
  config: Config,
  request: ExplainRequest,
  known: Known = knownByRules(config),
): Promise<Explanation> {
  const steps: { rule: number; says: string }[] = [];
  const passed = config.passthrough.find(({ prefix }) => isUnder(request.path, prefix));
  const classified = passed ? classifyPassed(request.path, passed.region) : classifyCall(request);
  if (classified instanceof Refusal) return { ...NOTHING, steps, ...refused(classified) };
  if (classified.route.version === 'reference') return { ...NOTHING, steps, ...explainReference(classified, config) };

  // Where credentials are dropped, and behind a link, whoever calls does so as nobody.
  const asNobody = passed?.credentials === 'drop' || classified.route === LINK;
  const user = asNobody ? undefined : userOf(request.user);
  if (user instanceof Refusal) return { ...NOTHING, steps, ...refused(user) };
  const { route, prefix } = classified;
  const decision = createDecide(policyOf(config))(
    {
      route,
      named: { prefix, header: request.region, host: request.host === undefined ? undefined : hostName(request.host) },
      account: user === undefined ? undefined : await known.account(user),
      held: await known.key(classified, user),
    },
    (rule, says) => steps.push({ rule, says }),
  );
  const about = { ...NOTHING, steps, route: route.id, access: route.access, effect: route.effect };
  if (decision === 'here') return { ...about, decision: 'answered_here', reason: 'answered_here' };
  if (decision instanceof Refusal) return { ...about, ...refused(decision) };
  if (!Permit.isGenuine(decision)) {
    const { answer, permit } = decision;
    const guarded = { ...about, verify_at: permit.verifyAt ?? null };
    return answer instanceof Refusal
      ? { ...guarded, ...refused(answer) }
      : { ...guarded, decision: 'concealed', reason: permit.reason };
  }
  const { region, reason, credentials, verifyAt } = decision;
  if (known.isDrained(region) && route !== LINK) return { ...about, ...refused(new Refusal('region_drained')) };
  return { ...about, decision: 'permit', region, reason, credentials, verify_at: verifyAt ?? null };
}

/** The explanation for people. */
export function explanationText(explanation: Explanation): string {
  const { route, access, effect, steps, decision, refusal } = explanation;
  const lines = [route === null ? 'route    none' : `route    ${route} (access: ${access}, effect: ${effect})`];
  for (const { rule, says } of steps) lines.push(`rule ${rule}   ${says}`);
  if (refusal !== null) {
    lines.push(`refused  ${refusal.status} ${refusal.code}: ${refusal.message}`);
    if (refusal.hint !== null) lines.push(`hint     ${refusal.hint}`);
  } else if (decision === 'answered_here') {
    lines.push('answered by the gateway itself; no region is asked');
  } else if (decision === 'concealed') {
    lines.push(`answered as an unknown key; no region is asked; verified at: ${explanation.verify_at ?? 'nowhere'}`);
  } else if (route === LINK.id) {
    lines.push(
      `the caller is shown the way to the page of ${explanation.region} (${explanation.reason}); nothing is sent`,
    );
  } else {
    const { region, reason, credentials, verify_at } = explanation;
    lines.push(`sent to  ${region} (${reason}); credentials: ${credentials}; verified at: ${verify_at ?? 'nowhere'}`);
  }
  return lines.join('\n');
}
