// While the identity key is being changed some gateways know the older one, some the newer, some both. A call is claimed
// under every one that a gateway knows, so any two that share one do not both send it.
import type { SharedBegan, SharedVault } from './shared-vault.ts';

/** @param vaults one for each key, oldest first: the same order at every gateway, so that two do not wait for each other */
export function createRotatingVault(vaults: readonly [SharedVault, ...SharedVault[]]): SharedVault {
  return {
    async begin(key, caller, request, patience) {
      const firsts: (SharedBegan & { readonly kind: 'first' })[] = [];
      for (const vault of vaults) {
        const began = await vault.begin(key, caller, request, patience);
        if (began.kind === 'first') {
          firsts.push(began);
          continue;
        }
        for (const first of firsts) first.settle(undefined);
        return began;
      }
      return {
        kind: 'first',
        settle: (answer) => {
          for (const first of firsts) first.settle(answer);
        },
      };
    },
    /** Each counts by itself: a call under two keys is counted twice. */
    readings() {
      const [first, ...others] = vaults.map((vault) => vault.readings());
      const sum = { ...first } as ReturnType<SharedVault['readings']>;
      const names = Object.keys(sum) as (keyof typeof sum)[];
      return others.reduce((so, next) => {
        const both = names.map((name) => [name, so[name] + next[name]]);
        return Object.fromEntries(both) as typeof sum;
      }, sum);
    },
    async close() {
      await Promise.all(vaults.map((vault) => vault.close()));
    },
  };
}
