// The views and their addresses, which stand after the # and so are never sent to anybody.
import { createAccountsView } from './accounts.ts';
import { createAudit } from './audit.ts';
import { createConfiguration } from './configuration.ts';
import type { Icon } from './icons.ts';
import { createLimits } from './limits.ts';
import { createOverview } from './overview.ts';
import type { CreateView } from './page.ts';
import { createWhy } from './why.ts';

export interface Route {
  readonly name: Icon;
  readonly says: string;
  readonly create: CreateView;
}

export const ROUTES: readonly [Route, ...Route[]] = [
  { name: 'overview', says: 'Overview', create: createOverview },
  { name: 'limits', says: 'Limits', create: createLimits },
  { name: 'accounts', says: 'Accounts', create: createAccountsView },
  { name: 'why', says: 'Why?', create: createWhy },
  { name: 'audit', says: 'Audit', create: createAudit },
  { name: 'configuration', says: 'Configuration', create: createConfiguration },
];

/** `#/accounts/ID` -> the view and the part after it. An address that nobody knows is the first view. */
export function routeOf(hash: string): { readonly route: Route; readonly argument: string | undefined } {
  const [, name = '', argument] = hash.split('/');
  return {
    route: ROUTES.find((candidate) => candidate.name === name) ?? ROUTES[0],
    argument: argument === undefined || argument === '' ? undefined : argument,
  };
}
