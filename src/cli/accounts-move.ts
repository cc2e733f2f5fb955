// `accounts move`: begins a move, shows its phases and takes its steps, so that it needs no running gateway.
import { setTimeout as pause } from 'node:timers/promises';
import { type AccountView, DeskError, type GatewayLease, type Standing } from '../locality/desk.ts';
import { atDesk, type Office, warnOfForeignKey } from './accounts-desk.ts';
import { gatewaysText } from './accounts-text.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { ask, canAsk, onInterrupt, print, printJson, say } from './terminal.ts';

export interface MoveOptions {
  readonly config?: string;
  readonly to?: string;
  readonly keepOld?: boolean;
  readonly dropOld?: boolean;
  readonly wait: boolean;
  readonly abort?: boolean;
  readonly timeout: number;
  readonly json?: boolean;
}

/** What came of it, as --json tells it. */
type Result =
  | 'nothing_to_do'
  | 'begun'
  | 'finished'
  | 'aborted'
  | 'cancelled'
  | 'interrupted'
  | 'timed_out'
  | 'removed';

/** How the command ends. `text` is a result; what is said beside it has been said. */
interface End {
  readonly code: ExitCode;
  readonly result: Result;
  /** Where the account lives now; undefined: as far as this command knows, nowhere. */
  readonly region: string | undefined;
  readonly text?: string;
}

/** A phase is a result for people, and a note where programs read. */
type Tell = (line: string) => void;

const STEP_MS = 200;

export function accountsMove(name: string, options: MoveOptions): Promise<ExitCode> {
  return atDesk(options.config, 'write', async (office) => {
    await warnOfForeignKey(office);
    const { code, result, region, text } = options.abort
      ? await abort(name, office)
      : await move(name, office, options);
    if (options.json) printJson({ result, region: region ?? null });
    else if (text !== undefined) print(text);
    return code;
  });
}

async function move(name: string, office: Office, options: MoveOptions): Promise<End> {
  const { to } = options;
  if (to === undefined) throw new CommandError('Say where: --to REGION (or --abort).', EXIT.usage);
  const standing = await office.desk.show(name);
  if (standing.entry?.region === to && standing.entry.move === null) {
    return ended('nothing_to_do', to, `It lives in ${to} already: nothing to do.`);
  }
  const keepOld = await keepOldOf(standing, to, options);
  if (keepOld === 'cancel') {
    say('Nothing was changed.');
    return { code: EXIT.failure, result: 'cancelled', region: standing.entry?.region ?? standing.locality?.home };
  }
  const { begun, account } = await office.desk.move(name, to, keepOld);
  if (!begun) say('This move is under way already: going on with it.');
  const tell = options.json ? say : print;
  if (options.wait) return follow(account, to, office, options.timeout, tell);
  tellPhase(account, tell);
  const gateways = await office.desk.gateways();
  if (gateways.length === 0) say('No gateway is running: the move goes on when one starts, or by this command again.');
  else say('The gateways finish it. Watch it with: onetime-gateway accounts moves');
  return ended('begun', account.region);
}

function ended(result: Result, region: string | undefined, text?: string): End {
  return { code: EXIT.ok, result, region, ...(text === undefined ? {} : { text }) };
}

async function abort(name: string, { desk }: Office): Promise<End> {
  const result = await desk.abort({ name });
  if (result === 'none') throw new CommandError('No move of this account is under way.');
  if (result === 'too_late') {
    throw new CommandError('Too late: after cutover a move is finished, not aborted. Move it back when it is done.');
  }
  // It is done, whether or not the store still says where.
  const region = await desk.show(name).then(
    ({ entry }) => entry?.region,
    () => undefined,
  );
  return ended('aborted', region, 'Aborted: the account stays where it was, and may create again.');
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
async function follow(begun: AccountView, to: string, office: Office, timeoutMs: number, tell: Tell): Promise<End> {
  const show = createShow(tell);
  let region = begun.region;
  let interrupted = false;
  const stop = onInterrupt(() => {
    interrupted = true;
  });
  const endMs = performance.now() + timeoutMs;
  try {
    show.phase(begun);
    while (!interrupted && performance.now() < endMs) {
      const taken = await step(begun, to, office, show);
      if ('code' in taken) return taken;
      region = taken.region ?? region;
      await pause(STEP_MS);
    }
  } finally {
    stop();
  }
  say(
    `${interrupted ? 'Interrupted' : 'Timed out'}: the move is not finished, and running gateways go on with it. Resume: ` +
      `onetime-gateway accounts move NAME --to ${to}. Abort, before cutover: onetime-gateway accounts move NAME --abort`,
  );
  return { code: EXIT.failure, result: interrupted ? 'interrupted' : 'timed_out', region };
}

/** @returns how the move has ended, or where the account lives meanwhile, if that could be asked */
async function step(
  begun: AccountView,
  to: string,
  { desk }: Office,
  show: Show,
): Promise<End | { readonly region: string | undefined }> {
  try {
    const answer = await desk.advance(begun.id);
    if (answer.kind === 'finished') return ended('finished', to, `finished  it lives in ${to}`);
    const account = await desk.find(begun.id);
    if (answer.kind === 'none') return endedElsewhere(account, to);
    if (account !== undefined) show.phase(account);
    if (answer.kind === 'waiting') show.waiting(answer.for);
    return { region: account?.region };
  } catch (error) {
    if (!(error instanceof DeskError) || error.code !== 'unavailable') throw error;
    show.away(error.message);
    return { region: undefined };
  }
}

function endedElsewhere(account: AccountView | undefined, to: string): End {
  if (account?.region === to) return ended('finished', to, `finished  it lives in ${to}`);
  say(account === undefined ? 'The account was removed.' : `The move was aborted: it lives in ${account.region}.`);
  const result = account === undefined ? 'removed' : 'aborted';
  return { code: EXIT.failure, result, region: account?.region };
}

interface Show {
  phase(account: AccountView): void;
  waiting(gateways: readonly GatewayLease[]): void;
  away(why: string): void;
}

/** Says each thing once, when it is new. */
function createShow(tell: Tell): Show {
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
      tellPhase(account, tell);
    },
    waiting: (gateways) =>
      once(`          waits for ${gatewaysText(gateways)}`, gateways.map(({ gateway }) => gateway).join(' ')),
    away: (why) => once(`          ${why}`, why),
  };
}

function tellPhase({ move }: AccountView, tell: Tell): void {
  if (move === null) return;
  const { phase, from, to } = move;
  if (phase === 'frozen')
    tell(`frozen    creates are refused (503, Retry-After); everything else still goes to ${from}`);
  else tell(`cutover   it lives in ${to}; creates are refused until every gateway knows`);
}
