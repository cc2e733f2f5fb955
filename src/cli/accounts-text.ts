// Accounts, moves and gateways as lines for people.
import type { AccountView, GatewayLease, Standing } from '../locality/desk.ts';

export function factsText({ region, pinned, also }: Pick<AccountView, 'region' | 'pinned' | 'also'>): string {
  return `${region}, ${pinned ? 'pinned' : 'not pinned'}${also.length === 0 ? '' : `, also ${also.join(' ')}`}`;
}

export function moveText({ from, to, phase, keepOld, since }: NonNullable<AccountView['move']>): string {
  return `${from} -> ${to}, ${phase}, ${keepOld ? 'keeps' : 'drops'} ${from}, since ${since}`;
}

export const BY = {
  directory: 'the directory',
  source: 'the source of accounts (accounts.source)',
  rules: 'a rule of the configuration (accounts.rules)',
  unknown: 'nobody knows it; accounts.unknown decides',
} as const;

export function standingText({ id, by, locality, entry }: Standing, order: readonly string[]): string {
  const lines = [`id         ${id}`, `by         ${BY[by]} (asked in this order: ${order.join(', ')})`];
  if (locality !== undefined) {
    lines.push(`in force   ${factsText({ ...locality, region: locality.home })}`);
  } else if (by !== 'unknown')
    lines.push('in force   nothing: its region is not in the configuration; it is answered 503');
  if (entry === undefined) lines.push('entry      none in the directory');
  else lines.push(`entry      ${factsText(entry)} (epoch ${entry.epoch})`);
  if (entry?.move) lines.push(`move       ${moveText(entry.move)}`);
  if (entry !== undefined && by !== 'directory')
    lines.push('           this entry is not in force: something else comes first');
  return lines.join('\n');
}

/** `1 account`, `2 accounts`. */
export function countOf(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** One line an account, columns for the eye. */
export function accountLine(account: AccountView): string {
  const { id, region, pinned, also, epoch, move } = account;
  const moving = move === null ? '' : `  moving: ${move.from} -> ${move.to} (${move.phase})`;
  return `${id}  ${region.padEnd(8)}  ${pinned ? 'pinned    ' : 'not pinned'}  ${also.join(' ').padEnd(8)}  ${epoch}${moving}`;
}

export function gatewaysText(gateways: readonly GatewayLease[]): string {
  return gateways.map(({ label, leftMs }) => `${label} (lease ends in ${Math.ceil(leftMs / 1000)} s)`).join(', ');
}
