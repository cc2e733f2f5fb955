// `explain`: what the gateway would decide for a request, and why, without sending anything. Runs the very functions that
// decide in production.
import { accountKey } from '../caller/credentials.ts';
import type { Config } from '../config/types.ts';
import { Permit } from '../domain.ts';
import { createAccounts } from '../locality/accounts.ts';
import { createDecide } from '../policy/decide.ts';
import { policyOf } from '../policy/policy.ts';
import { Refusal } from '../refusal.ts';
import { createClassify } from '../route/classify.ts';
import { ROUTES } from '../route/table.ts';

export interface ExplainRequest {
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
  readonly decision: 'permit' | 'refusal' | 'answered_here';
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

function refused(refusal: Refusal): Pick<Explanation, 'decision' | 'refusal'> {
  const { code, status, message } = refusal;
  return { decision: 'refusal', refusal: { code, status, message, hint: refusal.details.hint ?? null } };
}

export function explain(config: Config, request: ExplainRequest): Explanation {
  const steps: { rule: number; says: string }[] = [];
  const classified = createClassify(ROUTES)(request.method.toUpperCase(), request.path);
  if (classified instanceof Refusal) return { ...NOTHING, steps, ...refused(classified) };

  const { route, prefix } = classified;
  const locate = createAccounts(config.accounts.rules, accountKey);
  const decision = createDecide(policyOf(config))(
    {
      route,
      named: { prefix, header: request.region, host: request.host?.toLowerCase() },
      account: request.user === undefined ? undefined : locate(request.user),
    },
    (rule, says) => steps.push({ rule, says }),
  );
  const known = { ...NOTHING, steps, route: route.id, access: route.access, effect: route.effect };
  if (decision === 'here') return { ...known, decision: 'answered_here', reason: 'answered_here' };
  if (!Permit.isGenuine(decision)) return { ...known, ...refused(decision) };
  const { region, reason, credentials, verifyAt } = decision;
  return { ...known, decision: 'permit', region, reason, credentials, verify_at: verifyAt ?? null };
}

/** The explanation for people. */
export function explanationText(explanation: Explanation): string {
  const { route, access, effect, steps, decision, refusal } = explanation;
  const lines = [route === null ? 'route    none' : `route    ${route} (${access}, effect: ${effect})`];
  for (const { rule, says } of steps) lines.push(`rule ${rule}   ${says}`);
  if (refusal !== null) {
    lines.push(`refused  ${refusal.status} ${refusal.code}: ${refusal.message}`);
    if (refusal.hint !== null) lines.push(`hint     ${refusal.hint}`);
  } else if (decision === 'answered_here') {
    lines.push('answered by the gateway itself; no region is asked');
  } else {
    const { region, reason, credentials, verify_at } = explanation;
    lines.push(`sent to  ${region} (${reason}); credentials: ${credentials}; verified at: ${verify_at ?? 'nowhere'}`);
  }
  return lines.join('\n');
}
