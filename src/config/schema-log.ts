// The section `log` of the configuration (docs/logging.md).
import { duration, oneOf, section, share } from './fields.ts';

export const log = section({
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .prefault('info')
    .describe('What is logged: this level and the graver ones.'),
  format: oneOf(['auto', 'json', 'pretty'])
    .prefault('auto')
    .describe('Lines of JSON, or for people (pretty); auto: for people on a terminal, except in CI.'),
  sample: share().prefault(1).describe('The share of good and quick requests whose access lines are written.'),
  slow: duration().prefault('1s').describe('A request that took this long is written whatever sample says.'),
  client: oneOf(['none', 'hash', 'address'])
    .prefault('none')
    .describe("The client's address in access lines: not at all, as a keyed hash, or as it is."),
}).transform(({ slow: slowMs, ...others }) => ({ ...others, slowMs }));
