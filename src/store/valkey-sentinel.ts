// Sentinel makes another server the master, and the old one may go on answering for seconds until it hears of it: what is
// written there is lost, and leases given there are not known to anybody else. So the gateway listens to the Sentinels
// themselves. (ioredis can do so too, but prints the addresses of Sentinels that are away.)
import type { Redis } from 'ioredis';
import { ioredis } from './ioredis.ts';
import type { ValkeyConfig } from './valkey-config.ts';
import { retryStrategy, sentinelOptions } from './valkey-connect.ts';

const CHANNEL = '+switch-master';

/**
 * @param onSwitch the master is another from now on
 * @returns stops it
 */
export function watchSentinels(config: ValkeyConfig, onSwitch: () => void): () => void {
  const sentinels = config.mode === 'sentinel' ? config.nodes.map((node) => connect(config, node)) : [];
  for (const sentinel of sentinels) {
    sentinel.on('error', () => undefined);
    sentinel.on('ready', () => void sentinel.subscribe(CHANNEL).catch(() => undefined));
    // `NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT`, for every master that these Sentinels watch.
    sentinel.on('message', (_channel: string, message: string) => {
      if (message.split(' ')[0] === config.sentinel) onSwitch();
    });
  }
  return () => {
    for (const sentinel of sentinels) sentinel.disconnect();
  };
}

function connect(config: ValkeyConfig, { host, port }: ValkeyConfig['nodes'][number]): Redis {
  const { Redis } = ioredis();
  return new Redis({
    ...sentinelOptions(config),
    host,
    port,
    retryStrategy,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    connectionName: 'onetime-gateway-sentinel',
  });
}
