// The admin API's routes about accounts and their moves. Names come in bodies only: URLs are logged by what lies between.
import type { AccountFacts, Desk } from '../locality/desk.ts';
import { Problem } from './admin-problem.ts';
import { type AdminRoute, defineRoute } from './admin-route.ts';
import { AccountsPage, ById, PAGE, SCHEMAS } from './admin-schemas.ts';
import { accountView, standingView } from './admin-views.ts';

interface Wanted {
  readonly account: string;
  readonly region: string;
  readonly pinned?: boolean | undefined;
  readonly also?: readonly string[] | undefined;
}

/** What was left out stays as it is: who changes `also` must not unpin somebody by silence. */
async function factsOf(desk: Desk, { account, region, pinned, also }: Wanted): Promise<AccountFacts> {
  if (pinned !== undefined && also !== undefined) return { region, pinned, also };
  const { entry } = await desk.show(account);
  return {
    region,
    pinned: pinned ?? entry?.pinned ?? true,
    also: also ?? entry?.also.filter((other) => other !== region) ?? [],
  };
}

/** @throws Problem where nothing was removed */
function checkRemoved(result: 'removed' | 'missing' | 'moving'): void {
  if (result === 'missing') throw new Problem('not_found', { message: 'The directory does not know this account.' });
  if (result === 'moving') throw new Problem('being_moved', { hint: 'Abort the move, or wait for its end.' });
}

const accounts: readonly AdminRoute[] = [
  defineRoute({
    id: 'accounts.list',
    method: 'GET',
    path: '/accounts',
    summary: 'The entries of the directory, in no useful order.',
    changes: false,
    params: undefined,
    query: AccountsPage,
    body: undefined,
    answers: { 200: SCHEMAS.Accounts },
    problems: ['malformed', 'unavailable'],
    handle: async ({ query: { after, limit = PAGE } }, { desk }) => {
      const page = await desk.list(after, limit);
      return { status: 200, body: { accounts: page.accounts.map(accountView), next: page.next ?? null } };
    },
  }),
  defineRoute({
    id: 'accounts.put',
    method: 'POST',
    path: '/accounts',
    summary: 'Adds an account, or changes its entry.',
    changes: true,
    params: undefined,
    query: undefined,
    body: SCHEMAS.AccountToPut,
    answers: { 200: SCHEMAS.AccountPut, 201: SCHEMAS.AccountPut },
    problems: ['malformed', 'unknown_region', 'conflict', 'lives_elsewhere', 'being_moved', 'unavailable'],
    handle: async ({ body }, { desk }) => {
      const facts = await factsOf(desk, body);
      const { result, account } = await desk.add(body.account, facts, body.overwrite === true);
      if (result === 'moving') throw new Problem('being_moved', { hint: 'Abort the move, or wait for its end.' });
      if (result === 'region') {
        throw new Problem('lives_elsewhere', { hint: 'Move it (POST /moves), or send "overwrite": true.' });
      }
      const status = result === 'added' ? 201 : 200;
      return { status, body: { result, account: accountView(account) }, about: account.id };
    },
  }),
  defineRoute({
    id: 'accounts.lookup',
    method: 'POST',
    path: '/accounts/lookup',
    summary: 'What is in force for an account, by its name, and what says so.',
    changes: false,
    params: undefined,
    query: undefined,
    body: SCHEMAS.AccountByName,
    answers: { 200: SCHEMAS.Standing },
    problems: ['malformed', 'unavailable'],
    handle: async ({ body }, { desk }) => ({ status: 200, body: standingView(await desk.show(body.account)) }),
  }),
  defineRoute({
    id: 'accounts.remove',
    method: 'POST',
    path: '/accounts/remove',
    summary: 'Removes an account from the directory, by its name.',
    changes: true,
    params: undefined,
    query: undefined,
    body: SCHEMAS.AccountByName,
    answers: { 200: SCHEMAS.AccountRemoved },
    problems: ['malformed', 'not_found', 'being_moved', 'unavailable'],
    handle: async ({ body }, { desk }) => {
      // For the log alone: a source of accounts that does not answer must not keep an entry from being removed.
      const id = await desk.show(body.account).then(
        (standing) => standing.id,
        () => undefined,
      );
      checkRemoved(await desk.remove({ name: body.account }));
      return { status: 200, body: { result: 'removed' }, about: id };
    },
  }),
  defineRoute({
    id: 'accounts.get',
    method: 'GET',
    path: '/accounts/{id}',
    summary: 'One entry of the directory.',
    changes: false,
    params: ById,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Account },
    problems: ['not_found', 'unavailable'],
    handle: async ({ params: { id } }, { desk }) => {
      const account = await desk.find(id);
      if (account === undefined) throw new Problem('not_found');
      return { status: 200, body: accountView(account) };
    },
  }),
  defineRoute({
    id: 'accounts.delete',
    method: 'DELETE',
    path: '/accounts/{id}',
    summary: 'Removes an account from the directory, by its id.',
    changes: true,
    params: ById,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.AccountRemoved },
    problems: ['not_found', 'being_moved', 'unavailable'],
    handle: async ({ params: { id } }, { desk }) => {
      checkRemoved(await desk.remove({ id }));
      return { status: 200, body: { result: 'removed' }, about: id };
    },
  }),
];

const moves: readonly AdminRoute[] = [
  defineRoute({
    id: 'moves.list',
    method: 'GET',
    path: '/moves',
    summary: 'The moves under way.',
    changes: false,
    params: undefined,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Moves },
    problems: ['unavailable'],
    handle: async (_input, { desk }) => ({ status: 200, body: { moves: (await desk.moves()).map(accountView) } }),
  }),
  defineRoute({
    id: 'moves.begin',
    method: 'POST',
    path: '/moves',
    summary: 'Begins to move an account to another region; the gateways take it from there.',
    changes: true,
    params: undefined,
    query: undefined,
    body: SCHEMAS.MoveToBegin,
    answers: { 202: SCHEMAS.MoveBegun },
    problems: [
      'malformed',
      'unknown_region',
      'not_found',
      'conflict',
      'hidden_by_rule',
      'keep_old_required',
      'unavailable',
    ],
    handle: async ({ body }, { desk }) => {
      const { begun, account } = await desk.move(body.account, body.to, body.keep_old);
      return { status: 202, body: { begun, account: accountView(account) }, about: account.id };
    },
  }),
  defineRoute({
    id: 'moves.get',
    method: 'GET',
    path: '/moves/{id}',
    summary: 'How far a move is. 404 when none is under way: it is over, or was never begun.',
    changes: false,
    params: ById,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Account },
    problems: ['not_found', 'unavailable'],
    handle: async ({ params: { id } }, { desk }) => {
      const account = await desk.find(id);
      if (account?.move == null) throw new Problem('not_found', NO_MOVE);
      return { status: 200, body: accountView(account) };
    },
  }),
  defineRoute({
    id: 'moves.abort',
    method: 'DELETE',
    path: '/moves/{id}',
    summary: 'Aborts a move before cutover.',
    changes: true,
    params: ById,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.MoveAborted },
    problems: ['not_found', 'too_late', 'unavailable'],
    handle: async ({ params: { id } }, { desk }) => {
      const result = await desk.abort({ id });
      if (result === 'none') throw new Problem('not_found', NO_MOVE);
      if (result === 'too_late') throw new Problem('too_late', { hint: 'Wait for its end, and move it back.' });
      return { status: 200, body: { result }, about: id };
    },
  }),
];

const NO_MOVE = {
  message: 'No move of this account is under way.',
  hint: 'GET /admin/v1/accounts/ID tells where it lives.',
};

export const ACCOUNT_ROUTES: readonly AdminRoute[] = [...accounts, ...moves];
