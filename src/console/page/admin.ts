// The calls of the admin API that this page makes (docs/admin-api.md), with the shapes that the API itself is checked by.
import type { z } from 'zod';
import type {
  AuditPage,
  AuditVerification,
  ConfigInForce,
  LogLevel,
  LogLevelState,
  ReloadReport,
} from '../../listener/admin-live-types.ts';
import type { SCHEMAS } from '../../listener/admin-schemas.ts';
import type { Call, Send } from './api.ts';

type Answer<N extends keyof typeof SCHEMAS> = z.output<(typeof SCHEMAS)[N]>;

export type Account = Answer<'Account'>;
export type AccountToPut = Answer<'AccountToPut'>;
export type Explained = Answer<'Explained'>;
export type MoveToBegin = Answer<'MoveToBegin'>;
export type Question = Answer<'Question'>;
export type Standing = Answer<'Standing'>;
export type StoredEvent = Answer<'Events'>['events'][number];
export type AccountsPage = Answer<'Accounts'>;

export const PAGE_SIZE = 25;
const EVENTS_SHOWN = 12;

/** Every one throws ApiProblem. */
export interface Admin {
  accounts(after: string | undefined): Promise<AccountsPage>;
  account(id: string): Promise<Account>;
  lookup(account: string): Promise<Standing>;
  put(body: AccountToPut): Promise<Answer<'AccountPut'>>;
  remove(id: string): Promise<unknown>;
  move(body: MoveToBegin): Promise<Answer<'MoveBegun'>>;
  abort(id: string): Promise<unknown>;
  setDrained(region: string, drained: boolean): Promise<Answer<'RegionDrained'>>;
  explain(body: Question): Promise<Explained>;
  events(): Promise<readonly StoredEvent[]>;
  config(): Promise<ConfigInForce>;
  reload(): Promise<ReloadReport>;
  logLevel(): Promise<LogLevelState>;
  setLogLevel(level: LogLevel): Promise<LogLevelState>;
  audit(count: number): Promise<AuditPage>;
  verifyAudit(): Promise<AuditVerification>;
}

export function createAdmin(send: Send): Admin {
  async function ask<T>(path: string, call?: Call): Promise<T> {
    const response = await send(path, call);
    return JSON.parse(await response.text());
  }
  const post = <T>(path: string, body?: object): Promise<T> =>
    ask(path, body === undefined ? { method: 'POST' } : { method: 'POST', body });
  const part = encodeURIComponent;

  return {
    accounts: (after) => ask(`/accounts?limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${part(after)}`}`),
    account: (id) => ask(`/accounts/${part(id)}`),
    lookup: (account) => post('/accounts/lookup', { account }),
    put: (body) => post('/accounts', body),
    remove: (id) => ask(`/accounts/${part(id)}`, { method: 'DELETE' }),
    move: (body) => post('/moves', body),
    abort: (id) => ask(`/moves/${part(id)}`, { method: 'DELETE' }),
    setDrained: (region, drained) => post(`/regions/${part(region)}/${drained ? 'drain' : 'undrain'}`),
    explain: (body) => post('/explain', body),
    events: async () => (await ask<Answer<'Events'>>(`/events?limit=${EVENTS_SHOWN}`)).events,
    config: () => ask('/config'),
    // 422: refused, with the report of it.
    reload: () => ask('/reload', { method: 'POST', also: 422 }),
    logLevel: () => ask('/log-level'),
    setLogLevel: (level) => ask('/log-level', { method: 'PUT', body: { level } }),
    audit: (count) => ask(`/audit?count=${count}`),
    verifyAudit: () => post('/audit/verification'),
  };
}
