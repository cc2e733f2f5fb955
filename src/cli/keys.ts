// `onetime-gateway keys rotate`: a new identity key, and what that means for running gateways.
import { IdentityKeyError, rotateIdentityKey } from '../store/identity-key.ts';
import { CommandError, EXIT } from './exit.ts';
import { printJson } from './terminal.ts';

const DAY_MS = 86_400_000;
/** The index keeps no entry for longer than a year (locality/key-index.ts); and gateways may be restarted late. */
export const OLD_KEY_KEPT_DAYS = 400;

export interface KeysRotateOptions {
  /** Path of the key file (`identityKey` of the configuration). */
  readonly file: string;
  /** The value of GATEWAY_IDENTITY_KEY. */
  readonly env?: string | undefined;
  readonly now?: () => number;
  readonly json?: boolean | undefined;
  readonly print?: (line: string) => void;
}

/** @throws CommandError with a sentence that holds no key */
export function keysRotate({ file, env, json, now = Date.now, print = console.log }: KeysRotateOptions): void {
  if (env !== undefined) {
    throw new CommandError(
      'The identity key comes from GATEWAY_IDENTITY_KEY, so there is no file to rotate. Make a new key with ' +
        '`openssl rand -hex 32`. With several gateways, first give every one `OLD,NEW` and restart it. Then give every ' +
        `one \`NEW,OLD\` and restart it. Remove OLD after ${OLD_KEY_KEPT_DAYS} days.`,
      EXIT.usage,
    );
  }
  try {
    const { file: path, keptUntilMs, older, dropped } = rotateIdentityKey(file, now, OLD_KEY_KEPT_DAYS * DAY_MS);
    if (json) {
      printJson({ file: path, keptUntil: new Date(keptUntilMs).toISOString(), older, dropped, restart: true });
      return;
    }
    print(`A new identity key is first in ${path}.`);
    print(
      `The one before is read until ${new Date(keptUntilMs).toISOString()}, longer than any entry made under it lives` +
        `${older > 1 ? `; ${older - 1} still older ${older === 2 ? 'key is' : 'keys are'} kept too` : ''}` +
        `${dropped > 0 ? `; ${dropped} whose time was over ${dropped === 1 ? 'is' : 'are'} gone` : ''}.`,
    );
    print('Running gateways go on with the old key. Restart every one on this store now: until then they do not find');
    print('keys that a restarted one has learned. Nothing that was learned before is lost.');
  } catch (error) {
    if (error instanceof IdentityKeyError) throw new CommandError(error.message, EXIT.config);
    throw error;
  }
}
