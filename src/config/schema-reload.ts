// The section `reload` of the configuration (docs/operations.md).
import { flag, section } from './fields.ts';

export const reload = section({
  watch: flag()
    .prefault(true)
    .describe(
      'Whether the gateway reloads by itself when this file is changed. SIGHUP and the admin API reload always.',
    ),
});
