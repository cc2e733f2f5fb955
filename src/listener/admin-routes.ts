// The whole table of the admin API.
import { ACCOUNT_ROUTES } from './admin-accounts.ts';
import { OPERATION_ROUTES } from './admin-operations.ts';
import type { AdminRoute } from './admin-route.ts';

export const ADMIN_PREFIX = '/admin/v1';
export const ADMIN_ROUTES: readonly AdminRoute[] = [...ACCOUNT_ROUTES, ...OPERATION_ROUTES];

/** The methods that a path takes; empty: nothing is there. @param path without query */
export function methodsAt(path: string): string[] {
  const segments = path.split('/');
  const rows = ADMIN_ROUTES.filter((row) => {
    const pattern = `${ADMIN_PREFIX}${row.path}`.split('/');
    return (
      pattern.length === segments.length && pattern.every((part, at) => part.startsWith('{') || part === segments[at])
    );
  });
  return [...new Set(rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
}
