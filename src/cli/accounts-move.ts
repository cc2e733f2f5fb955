// `accounts move`: begins a move, shows its phases and takes its steps, so that it needs no running gateway.
import { setTimeout as pause } from 'node:timers/promises';
import { type AccountView, DeskError, type GatewayLease, type Standing } from '../locality/desk.ts';
import { atDesk, type Office, warnOfForeignKey } from './accounts-desk.ts';
import { gatewaysText } from './accounts-text.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { ask, canAsk, onInterrupt, print, say } from './terminal.ts';

export interface MoveOptions {
  readonly config?: string;
  readonly to?: string;
  readonly keepOld?: boolean;
  readonly dropOld?: boolean;
  readonly wait: boolean;
  readonly abort?: boolean;
  readonly timeout: number;
}

const STEP_MS = 200;

export function accountsMove(name: string, options: MoveOptions): Promise<ExitCode> {
  return atDesk(options.config, 'write', async (office) => {
    await warnOfForeignKey(office);
    if (options.abort) return abort(name, office);
    const { to } = options;
    if (to === undefined) throw new CommandError('Say where: --to REGION (or --abort).', EXIT.usage);
    const standing = await office.desk.show(name);
    if (standing.entry?.region === to && standing.entry.move === null) {
      print(`It lives in ${to} already: nothing to do.`);
      return EXIT.ok;
    }
    const keepOld = await keepOldOf(standing, to, options);
    if (keepOld === 'cancel') {
      say('Nothing was changed.');
      return EXIT.failure;
    }
    const { begun, account } = await office.desk.move(name, to, keepOld);
    if (!begun) say('This move is under way already: going on with it.');
    if (options.wait) return follow(account, to, office, options.timeout);
    sayPhase(account);
    const gateways = await office.desk.gateways();
    if (gateways.length === 0)
      say('No gateway is running: the move goes on when one starts, or by this command again.');
    else say('The gateways finish it. Watch it with: onetime-gateway accounts moves');
    return EXIT.ok;
  });
}

async function abort(name: string, { desk }: Office): Promise<ExitCode> {
  const result = await desk.abort({ name });
  if (result === 'none') throw new CommandError('No move of this account is under way.');
  if (result === 'too_late') {
    throw new CommandError('Too late: after cutover a move is finished, not aborted. Move it back when it is done.');
  }
  print('Aborted: the account stays where it was, and may create again.');
  return EXIT.ok;
}

/** What becomes of secrets made before is for a person to say, where it makes a difference. */
async function keepOldOf(
  { locality, entry }: Standing,
  to: string,
  { keepOld, dropOld }: MoveOptions,
): Promise<boolean | undefined | 'cancel'> {
  if (keepOld && dropOld) throw new CommandError('--keep-old and --drop-old exclude each other.', EXIT.usage);
  if (keepOld || dropOld) return keepOld === true;
  const from = entry?.region ?? locality?.home;
  const pinned = entry?.pinned ?? locality?.pinned;
  if (from === undefined || pinned !== true || from === to || entry?.move) return undefined;
  const what =
    `The account is pinned. Secrets that it made before stay in ${from}: they are not copied.\n` +
    `  keep  ${from} stays among its other regions: it still reaches what it made there, and may name ${from}\n` +
    `  drop  it reaches ${to} and nothing in ${from} any more; links that others hold go on working`;
  if (!canAsk()) throw new CommandError(`${what}\nSay which: --keep-old or --drop-old.`, EXIT.usage);
  const answer = await ask(`${what}\nkeep, drop, or anything else to cancel:`);
  return answer === 'keep' ? true : answer === 'drop' ? false : 'cancel';
}

/** Takes steps until the move has ended, whoever ends it. */
async function follow(begun: AccountView, to: string, office: Office, timeoutMs: number): Promise<ExitCode> {
  const show = createShow();
  let interrupted = false;
  const stop = onInterrupt(() => {
    interrupted = true;
  });
  const endMs = performance.now() + timeoutMs;
  try {
    show.phase(begun);
    while (!interrupted && performance.now() < endMs) {
      const ended = await step(begun, to, office, show);
      if (ended !== undefined) return ended;
      await pause(STEP_MS);
    }
  } finally {
    stop();
  }
  say(
    `${interrupted ? 'Interrupted' : 'Timed out'}: the move is not finished, and running gateways go on with it. Resume: ` +
      `onetime-gateway accounts move NAME --to ${to}. Abort, before cutover: onetime-gateway accounts move NAME --abort`,
  );
  return EXIT.failure;
}

/** @returns the exit code once the move has ended */
async function step(begun: AccountView, to: string, { desk }: Office, show: Show): Promise<ExitCode | undefined> {
  try {
    const answer = await desk.advance(begun.id);
    if (answer.kind === 'none') return endedElsewhere(await desk.find(begun.id), to);
    const account = await desk.find(begun.id);
    if (answer.kind === 'finished') {
      print(`finished  it lives in ${to}`);
      return EXIT.ok;
    }
    if (account !== undefined) show.phase(account);
    if (answer.kind === 'waiting') show.waiting(answer.for);
    return undefined;
  } catch (error) {
    if (!(error instanceof DeskError) || error.code !== 'unavailable') throw error;
    show.away(error.message);
    return undefined;
  }
}

function endedElsewhere(account: AccountView | undefined, to: string): ExitCode {
  if (account?.region === to) {
    print(`finished  it lives in ${to}`);
    return EXIT.ok;
  }
  say(account === undefined ? 'The account was removed.' : `The move was aborted: it lives in ${account.region}.`);
  return EXIT.failure;
}

interface Show {
  phase(account: AccountView): void;
  waiting(gateways: readonly GatewayLease[]): void;
  away(why: string): void;
}

/** Says each thing once, when it is new. */
function createShow(): Show {
  let phase = '';
  let other = '';
  const once = (line: string, key: string): void => {
    if (key === other) return;
    other = key;
    say(line);
  };
  return {
    phase(account) {
      if (account.move === null || account.move.phase === phase) return;
      phase = account.move.phase;
      other = '';
      sayPhase(account);
    },
    waiting: (gateways) =>
      once(`          waits for ${gatewaysText(gateways)}`, gateways.map(({ gateway }) => gateway).join(' ')),
    away: (why) => once(`          ${why}`, why),
  };
}

function sayPhase({ move }: AccountView): void {
  if (move === null) return;
  const { phase, from, to } = move;
  if (phase === 'frozen')
    print(`frozen    creates are refused (503, Retry-After); everything else still goes to ${from}`);
  else print(`cutover   it lives in ${to}; creates are refused until every gateway knows`);
}
