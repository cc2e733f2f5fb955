// The section `overload` of the configuration (docs/overload.md).
import { duration, oneOf, section, share } from './fields.ts';

export const overload = section({
  eventLoopDelay: duration()
    .prefault('500ms')
    .describe(
      'Where a thread is so late twice in a row, it turns away calls without credentials; all where it is twice as late.',
    ),
  heap: share()
    .refine((part) => part > 0, { error: 'a number above 0, up to 1' })
    .prefault(0.9)
    .describe(
      'The same for the share of its heap that a thread has in use; all from half way to 1 on. 1: no matter how much.',
    ),
  memory: share()
    .refine((part) => part > 0, { error: 'a number above 0, up to 1' })
    .prefault(0.9)
    .describe(
      'The same for the share of its memory that the process has in use, buffers included, where a container or unit limits it.',
    ),
  mode: oneOf(['enforce', 'shadow', 'off'])
    .prefault('enforce')
    .describe('enforce turns away, shadow only counts, off does nothing.'),
}).transform(({ eventLoopDelay: eventLoopDelayMs, ...others }) => ({ eventLoopDelayMs, ...others }));
