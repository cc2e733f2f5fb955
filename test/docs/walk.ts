// Walks through a document: its stand-in regions and its gateway run, its commands are given as they stand, and what they
// print is held against what the document shows. Ports are free ones, times and hashes stand for any.
import { chmodSync } from 'node:fs';
import { delimiter } from 'node:path';
import { openFolder } from '../support/folder.ts';
import { type Finished, ROOT, type Running, run, start } from '../support/process.ts';

/** A fenced block of a document, in its place. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** Every fenced block, in order. */
export function fencesOf(document: string): Block[] {
  return [...document.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

/** What differs from run to run, under one name each. */
export function masked(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')
    .replaceAll(/[0-9a-f]{64}/g, 'HASH')
    .replaceAll(/[0-9a-f]{32}/g, 'ID')
    .replaceAll(/[0-9a-z]{31}/g, 'KEY')
    .replaceAll(/\b1\d{9}\b/g, 'SECONDS');
}

const DAY_MS = 86_400_000;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length);

/** A reader has one shell for all blocks: variables in capitals are known to the next one. */
const REMEMBERED = `if [ -f .variables ]; then . ./.variables; fi
trap 'declare -p BRUNO DORA KEY ID > .variables 2> /dev/null' EXIT`;

/** The ports that documents name. */
const PORTS = { us: '7801', eu: '7802', listen: '8080', admin: '9464' } as const;

export interface Walk extends AsyncDisposable {
  readonly folder: string;
  readonly gateway: Running;
  /** Writes a file of the document, with the ports of this run in place of its own. */
  write(name: string, text: string): void;
  /** Runs a block of commands to its end, with the ports and days of this run; gives its output with the document's ports. */
  shell(script: string): Promise<Finished>;
}

/**
 * Starts what a document starts: `onetime-gateway twin` for us and eu, and `serve` on gateway.yaml.
 * @param serving the block with these three commands
 * @param config gateway.yaml
 */
export async function openWalk(serving: string, config: string): Promise<Walk> {
  // Also when something does not start: then nothing of it stays behind.
  await using closing = new AsyncDisposableStack();
  const folder = closing.use(openFolder());
  const command = folder.write('onetime-gateway', `#!/bin/sh\nexec "${process.execPath}" "${ROOT}src/main.ts" "$@"\n`);
  chmodSync(command, 0o755);
  const path = `${folder.path}${delimiter}${process.env.PATH}`;
  const env = { PATH: path, GATEWAY_IDENTITY_KEY: undefined, GATEWAY_SELF_REGION: undefined };
  const begin = async (line: string): Promise<Running> =>
    closing.use(await start('bash', ['-c', `exec ${line}`], { cwd: folder.path, env }));

  const [us = '', eu = '', serve = ''] = serving.trim().split('\n');
  const actual = new Map<string, string>();
  for (const [port, line] of [
    [PORTS.us, us],
    [PORTS.eu, eu],
  ] as const) {
    const twin = await begin(line.replace(`--port ${port}`, '--port 0'));
    const [, , twinPort = ''] = await twin.line(/^twin region (\w+) .* at http:\/\/127\.0\.0\.1:(\d+)$/m);
    actual.set(port, twinPort);
  }
  const put = (text: string): string => {
    let result = text;
    for (const [named, used] of actual) result = result.replaceAll(named, used);
    return result;
  };
  const write = (name: string, text: string): void => {
    const free = text.replace(`port: ${PORTS.listen}`, 'port: 0').replace(`port: ${PORTS.admin}`, 'port: 0');
    folder.write(name, put(free));
  };
  write('gateway.yaml', config);
  const gateway = await begin(serve);
  const [, listen = '', admin = ''] = await gateway.line(/"url":"http:[^"]*:(\d+)","admin":"http:[^"]*:(\d+)"/);

  const lasting = closing.move();
  return {
    folder: folder.path,
    gateway,
    write,
    async shell(script) {
      const period = `--from ${dayOf(Date.now() - DAY_MS)} --to ${dayOf(Date.now() + 2 * DAY_MS)}`;
      const ported = put(script).replaceAll(PORTS.listen, listen).replaceAll(PORTS.admin, admin);
      const line = ported.replaceAll(/--from \S+ --to \S+/g, period);
      const finished = await run('bash', ['-c', `${REMEMBERED}\n${line}`], { cwd: folder.path, env });
      const back = (text: string): string => {
        let result = text.replaceAll(`:${listen}`, `:${PORTS.listen}`).replaceAll(`:${admin}`, `:${PORTS.admin}`);
        for (const [named, used] of actual) result = result.replaceAll(`:${used}`, `:${named}`);
        return result;
      };
      return { ...finished, stdout: back(finished.stdout) };
    },
    [Symbol.asyncDispose]: () => lasting.disposeAsync(),
  };
}
