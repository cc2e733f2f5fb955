// Tells on standard error of each OpenTelemetry module that is loaded, in any thread. Not of the API as CommonJS: prom-client
// loads that one, for exemplars that nobody here asks for.
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';

const STDERR = 2;
const OF_PROM_CLIENT = /\/@opentelemetry\/api\/.*\.cjs$/;

registerHooks({
  load(url, context, next) {
    if (url.includes('/@opentelemetry/') && !OF_PROM_CLIENT.test(url)) {
      writeSync(STDERR, `loaded ${url.slice(url.indexOf('/@opentelemetry/'))}\n`);
    }
    return next(url, context);
  },
});
