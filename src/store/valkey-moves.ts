// Moves in the distributed engine: one script a step.
import type { AdvanceMove, BeginMove, DirectoryStore, MoveRequest, StoredAccount } from './directory-store.ts';
import { asPart, decodeAccount, decodeLease, encodeFacts, hashOf } from './valkey-accounts.ts';
import { type Answer, buffersOf, heldError, type Run } from './valkey-directory-run.ts';
import { directoryScripts as scripts } from './valkey-scripts.ts';

const ADVANCE_TIMEOUT_MS = 1000;

export function createMoves(run: Run): Pick<DirectoryStore, 'beginMove' | 'advanceMove' | 'abortMove'> {
  return {
    async beginMove(request, actor) {
      const answer = await run(scripts.begin, [asPart(actor), ...argumentsOf(request)]);
      if (answer.kind === 'missing') return { kind: 'missing' };
      return { kind: answer.kind as Exclude<BeginMove['kind'], 'missing'>, account: accountOf(answer) };
    },
    async advanceMove(hash, actor): Promise<AdvanceMove> {
      // Whoever takes steps tries again soon, and a gateway renews its lease in between: it must not wait for an import.
      const options = { timeoutMs: ADVANCE_TIMEOUT_MS, heldIsAnswer: true };
      const answer = await run(scripts.advance, [asPart(actor), hash], options);
      if (answer.kind === 'held') throw heldError();
      if (answer.kind === 'none') return { kind: 'none' };
      const account = accountOf(answer);
      if (answer.kind !== 'waiting') return { kind: answer.kind as 'cutover' | 'finished', account };
      const leases = Array.isArray(answer.rest[2]) ? answer.rest[2] : [];
      return { kind: 'waiting', account, for: leases.map((lease) => decodeLease(buffersOf(lease))) };
    },
    async abortMove(hash, actor) {
      return (await run(scripts.abort, [asPart(actor), hash])).kind as 'aborted' | 'none' | 'too_late';
    },
  };
}

function argumentsOf({ hash, to, keepOld, otherwise }: MoveRequest): (string | number | Buffer)[] {
  // As it is written into an entry, so it must be one word.
  encodeFacts({ region: to, pinned: false, also: [], identity: '-' });
  const request = [to, keepOld ? 1 : 0, hash];
  return otherwise === undefined
    ? request
    : [...request, otherwise.hash, encodeFacts(otherwise), ...otherwise.replaces];
}

/** Hash and entry, first in the rest of an answer. */
function accountOf({ rest }: Answer): StoredAccount {
  const [hash, entry] = buffersOf(rest);
  if (hash === undefined || entry === undefined) throw new TypeError('the directory’s answer cannot be read');
  return decodeAccount(hashOf(hash), entry);
}
