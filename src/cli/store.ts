// `store init` and `store status`: the mark of a distributed store, and what a store holds.
import { asking } from '../locality/desk-error.ts';
import { atDesk } from './accounts-desk.ts';
import { gatewaysText } from './accounts-text.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { ask, canAsk, print, printJson, printResult } from './terminal.ts';

export interface StoreInitOptions {
  readonly config?: string;
  readonly renew?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const RENEW =
  'Renewing takes the data that are in the store for the truth, and every gateway forgets what it knew of better ones. ' +
  'Look at them first: onetime-gateway accounts verify FILE.';

export function storeInit({ config, renew = false, yes = false, json }: StoreInitOptions): Promise<ExitCode> {
  return atDesk(config, 'write', async ({ store, desk, actor }) => {
    if (!renew && store.engine === 'sqlite') {
      const text = 'Not needed: an embedded store (sqlite) makes its mark by itself.';
      printResult(json, { result: 'not_needed' }, text);
      return EXIT.ok;
    }
    if (renew && !yes) {
      if (!canAsk()) throw new CommandError(`${RENEW} To do so, add --yes.`, EXIT.usage);
      if (!['y', 'yes'].includes(await ask(`${RENEW} Renew it? [y/N]`))) {
        throw new CommandError('Nothing was changed.');
      }
    }
    const result = await asking(() => store.directory.init(renew ? 'renew' : 'new', actor));
    const mark = await desk.mark();
    const { generation } = mark ?? {};
    const accounts = await desk.count();
    const text = {
      exists: `The store has its mark already (generation ${generation}): nothing was changed.`,
      renewed: `Renewed: generation ${generation}, over ${accounts} accounts.`,
      made: `Made: generation ${generation}. The directory is empty; running gateways see it within a second.`,
    }[result];
    printResult(json, { result, mark: mark ?? null, accounts }, text);
    return EXIT.ok;
  });
}

/** @returns 71 when the store is away, 1 when it has no mark */
export async function storeStatus({ config, json = false }: { config?: string; json?: boolean }): Promise<ExitCode> {
  try {
    return await status(config, json);
  } catch (error) {
    if (!json || !(error instanceof CommandError) || error.exitCode !== EXIT.system) throw error;
    printJson({ up: false, mark: null, problem: error.message });
    return EXIT.system;
  }
}

function status(config: string | undefined, json: boolean): Promise<ExitCode> {
  return atDesk(config, 'read', async ({ store, desk }) => {
    const { up } = store.readings();
    const mark = await desk.mark();
    if (mark === undefined) {
      if (json) printJson({ engine: store.engine, up, mark: null });
      else {
        print(`engine     ${store.engine}, ${up ? 'up' : 'away'}`);
        print('mark       none: it is new, or it has lost its data. If it is new, run: onetime-gateway store init');
      }
      return EXIT.failure;
    }
    const [accounts, moves, gateways] = [await desk.count(), await desk.moves(), await desk.gateways()];
    if (json) {
      printJson({ engine: store.engine, up, mark, accounts, moves: moves.length, gateways });
      return EXIT.ok;
    }
    print(`engine     ${store.engine}, ${up ? 'up' : 'away'}`);
    print(`mark       generation ${mark.generation}, epoch ${mark.epoch}`);
    print(`accounts   ${accounts}`);
    print(`moves      ${moves.length} under way`);
    print(`gateways   ${gateways.length === 0 ? 'none with a lease' : gatewaysText(gateways)}`);
    return EXIT.ok;
  });
}
