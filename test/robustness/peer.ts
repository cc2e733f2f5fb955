// What the proxies beside the gateway have in common: programs of Debian that are told their ports in a file.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, launch, launchOn } from '../../bench/lib/child.ts';
import { isInstalled } from '../../bench/lib/machine.ts';
import {
  type Candidate,
  PATIENT_SECONDS,
  type Subject,
  subjectOf,
  TIME_SECONDS,
  type Tls,
  type Variant,
} from './subjects.ts';

export interface Setting {
  readonly folder: string;
  /** The port of the region. */
  readonly region: number;
  /** Its own. */
  readonly port: number;
  /** For what it tells of itself. */
  readonly metricsPort: number | undefined;
  readonly variant: Variant;
  readonly tls: Tls | undefined;
  /** Of a region that speaks TLS as localhost: who has to have signed its certificate, in a file. */
  readonly trust: string | undefined;
}

/** What one client may ask of secrets in a minute, where there are limits. */
export const PER_MINUTE = 20;
/** How long a caller may take. */
export const patience = (variant: Variant): number => (variant === 'patient' ? PATIENT_SECONDS : TIME_SECONDS);
export const isLimited = (variant: Variant): boolean => variant === 'limits' || variant === 'behind';

const versionOf = (command: string, args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return /[\d.]+\d/.exec(stdout + stderr)?.[0] ?? '';
};

/** A program that is told its ports. */
async function serveOn(
  told: Pick<Setting, 'variant' | 'tls'>,
  start: (port: number, metricsPort?: number) => Child,
): Promise<Subject> {
  let subject: Subject | undefined;
  await launchOn(told.variant === 'metrics' ? 2 : 1, ([port = 0, metricsPort]) => {
    const child = start(port, metricsPort);
    subject = subjectOf(child, told, port, metricsPort);
    return child;
  });
  if (subject === undefined) throw new Error('launchOn has started nothing');
  return subject;
}

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly packaged: string;
  readonly softStop: Candidate['softStop'];
  readonly askVersion: string;
  /** The name of its file, and what is in it. */
  readonly config: readonly [string, (setting: Setting) => string];
  args(file: string, folder: string): string[];
  readonly lacks?: Candidate['lacks'];
}

export function peer({ name, command, packaged, softStop, askVersion, config, args, lacks }: Program): Candidate {
  const [fileName, written] = config;
  return {
    name,
    command,
    missing: isInstalled(command) ? undefined : `apt-get install ${packaged}`,
    softStop,
    version: () => versionOf(command, [askVersion]),
    lacks: (variant) => lacks?.(variant),
    start: (folder, region, variant, tls, trust) =>
      serveOn({ variant, tls }, (port, metricsPort) => {
        const file = join(folder, fileName);
        writeFileSync(file, written({ folder, region, port, metricsPort, variant, tls, trust }));
        const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
        return launch(command, args(file, folder), { name: command, folder, core: undefined, env });
      }),
  };
}
