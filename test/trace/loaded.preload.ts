// Tells on standard error of each OpenTelemetry package that is loaded, once in each thread. Not of the API as CommonJS:
// prom-client loads that one, for exemplars that nobody here asks for.
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';

const STDERR = 2;
const PACKAGE = /\/(@opentelemetry\/[^/]+)\//;
const OF_PROM_CLIENT = /\/@opentelemetry\/api\/.*\.cjs$/;
// Each once: a pipe that nobody has read yet takes no more than it has room for.
const told = new Set<string>();

registerHooks({
  load(url, context, next) {
    const name = OF_PROM_CLIENT.test(url) ? undefined : PACKAGE.exec(url)?.[1];
    if (name !== undefined && !told.has(name)) {
      told.add(name);
      writeSync(STDERR, `loaded ${name}\n`);
    }
    return next(url, context);
  },
});
