// The whole table of the admin API.
import { ACCOUNT_ROUTES } from './admin-accounts.ts';
import { GATEWAY_ROUTES } from './admin-gateway.ts';
import { OPERATION_ROUTES } from './admin-operations.ts';
import type { AdminRoute } from './admin-route.ts';

export const ADMIN_PREFIX = '/admin/v1';
export const ADMIN_ROUTES: readonly AdminRoute[] = [...ACCOUNT_ROUTES, ...GATEWAY_ROUTES, ...OPERATION_ROUTES];

/**
 * The methods that a path takes; empty: nothing is there. A path that stands in the table as it is (/accounts/lookup) is
 * no example of one with a segment to fill in (/accounts/{id}).
 * @param path as it came, without query; escapes are not undone, since no path of the table needs one
 */
export function methodsAt(path: string): string[] {
  const exact = ADMIN_ROUTES.filter((row) => ADMIN_PREFIX + row.path === path);
  const rows = exact.length > 0 ? exact : ADMIN_ROUTES.filter((row) => fits(`${ADMIN_PREFIX}${row.path}`, path));
  return [...new Set(rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
}

function fits(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const segments = path.split('/');
  return parts.length === segments.length && parts.every((part, at) => part.startsWith('{') || part === segments[at]);
}
