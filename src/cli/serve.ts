// `serve`: runs the gateway until a signal ends it.
import type { Config, LogLevel } from '../config/types.ts';
import type { Gateway } from '../gateway.ts';
import { onCrash } from '../record/crash.ts';
import { type Lines, openLines } from '../record/lines.ts';
import { LAST_ANSWERS_MS, LAST_CLOSING_MS } from '../rooms-close.ts';
import { warnOfFewFiles, watchFiles } from '../rooms-files.ts';
import type { ConfigFile } from '../rooms-reload.ts';
import { beginThread } from '../workers/begun.ts';
import { configFile, orEnd } from './config.ts';
import { EXIT, type ExitCode, listenProblem, stateProblem } from './exit.ts';
import type { Supervised } from './notify.ts';
import { VERSION } from './package.ts';
import { lookAt, watchFile } from './watch-file.ts';

/** Longer than the slowest exchange that the default timeouts allow, shorter than most supervisors' patience. */
const DRAIN_BOUND_MS = 25_000;

export interface ServeOptions {
  /** Undefined: the default one. */
  readonly config?: string;
  readonly logLevel?: LogLevel;
}

interface Opening extends Pick<Lines, 'log' | 'level'> {
  readonly version: string;
  readonly file: ConfigFile;
}

/** Settles on the first SIGTERM or SIGINT; a second one ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((settle) => {
    let signalled = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (signalled) process.exit(EXIT.failure);
      signalled = true;
      settle(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** Why one thread does all, whatever the configuration asks for. */
function whyAlone({ store }: Config): string | undefined {
  if (store.kind !== 'sqlite' || store.path !== ':memory:') return undefined;
  return 'a store in memory is one thread’s: no workers';
}

async function openWorkers(config: Config, opening: Opening): Promise<Gateway | 'alone'> {
  const { log } = opening;
  const why = whyAlone(config);
  if (why !== undefined) {
    log.info(why);
    return 'alone';
  }
  // They load their code while this thread loads its own.
  const begun = Array.from({ length: config.workers }, (_, index) => beginThread(index + 1));
  const { openSeveral } = await import('../workers/several.ts');
  const gateway = await openSeveral(config, { ...opening, begun });
  if (gateway === 'alone') log.info('on this platform one thread alone can listen on a port: no workers');
  return gateway;
}

/** A gateway of as many threads as are asked for and possible. */
async function open(config: Config, opening: Opening): Promise<Gateway> {
  const several = config.workers > 1 ? await openWorkers(config, opening) : 'alone';
  if (several !== 'alone') return several;
  const { openGateway } = await import('../gateway.ts');
  return openGateway(config, opening);
}

/**
 * From now on SIGHUP does not end the process, which it does where nobody hears it, also not while it starts or drains.
 * @returns where it goes; one that came before is told
 */
function hearReloadSignal(): (reload: () => void) => void {
  let asked = false;
  let onSignal = (): void => {
    asked = true;
  };
  process.on('SIGHUP', () => onSignal());
  return (reload) => {
    onSignal = reload;
    if (asked) reload();
  };
}

/** What systemd hears of a gateway that it has started. For others nothing is loaded. */
async function superviseFor(gateway: Gateway, log: Lines['log']): Promise<Supervised | undefined> {
  const { env, pid, hrtime } = process;
  if (!env.NOTIFY_SOCKET) return undefined;
  const { supervise } = await import('./notify.ts');
  return supervise(gateway, { env, pid, now: hrtime.bigint, log });
}

/** @returns 0 after a drain in which every request was answered, 1 when some were cut off at the bound */
export async function serve(options: ServeOptions): Promise<ExitCode> {
  const onReloadSignal = hearReloadSignal();
  const { name, read, readAgain } = configFile(options.config);
  // Before it is read: a change that comes while the gateway starts is not overlooked.
  const known = lookAt(name);
  const first = orEnd(read);
  const { config } = first;
  const { log, level } = openLines({
    level: { file: config.log.level, commandLine: options.logLevel },
    format: config.log.format,
  });
  let onDefect = (): void => process.exit(EXIT.failure);
  onCrash(log, () => onDefect());
  const ended = untilSignal();
  warnOfFewFiles(config, log);
  watchFiles(log);

  let gateway: Gateway;
  try {
    gateway = await open(config, { log, level, version: VERSION, file: { first, read: readAgain } });
  } catch (error) {
    const advice = (port: number): string =>
      `Choose another under ${port === config.admin.port ? 'admin.port' : 'listen.port'} in ${name}.`;
    throw stateProblem(error) ?? listenProblem(error, advice) ?? error;
  }
  onDefect = () => {
    const end = (): void => process.exit(EXIT.failure);
    setTimeout(end, LAST_ANSWERS_MS + LAST_CLOSING_MS);
    void gateway.drain(LAST_ANSWERS_MS).finally(end);
  };
  const supervised = await superviseFor(gateway, log);
  const { reload } = supervised ?? gateway;
  onReloadSignal(() => void reload?.('signal'));
  const stopWatching = config.reload.watch ? watchFile(name, () => void reload?.('file'), { known }) : undefined;
  log.info({ signal: await ended }, 'signal');
  stopWatching?.();
  supervised?.stopping();
  const finished = await gateway.drain(DRAIN_BOUND_MS);
  await supervised?.end();
  return finished ? EXIT.ok : EXIT.failure;
}
