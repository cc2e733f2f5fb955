// Runs a command of this project with the project's own Node and packages, installing them first when they are missing
// or out of date. Any Node from 18 can run this file, so `npm test` and `npm run demo` work in a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** Whether npm's own note of what is in node_modules has everything that package-lock.json asks for. */
function installed() {
  const note = join(modules, '.package-lock.json');
  if (!existsSync(join(modules, '.bin', 'node')) || !existsSync(note)) return false;
  const present = packagesOf(note);
  // Optional ones are builds for one platform each: present on that platform only.
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  );
}

function install() {
  process.stderr.write('Installing the packages of package-lock.json (npm ci), once ...\n');
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (done.status !== 0) {
    const cause = done.error ? ` (${done.error.message})` : '';
    process.stderr.write(`npm ci did not succeed${cause}. What it says stands above.\n`);
    process.exit(done.status ?? 1);
  }
}

if (!installed()) install();

const [command, ...args] = process.argv.slice(2);
if (command === undefined) process.exit(0);
const child = spawn(join(modules, '.bin', command), args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}` },
});
// A terminal sends Ctrl-C to the child too; what a supervisor sends to this process alone is handed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0));
});
