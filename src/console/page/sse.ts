// Server-sent events out of a stream of text (HTML standard, 9.2.6), as far as the gateway writes them. EventSource would
// do, but it sends no Authorization header.

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export interface EventParser {
  /** @returns the events that are whole by now */
  take(text: string): ServerEvent[];
}

/** More than this without the end of an event is no stream of ours. */
const PENDING_MAX_CHARACTERS = 4_194_304;

export function createEventParser(): EventParser {
  let pending = '';
  return {
    take(text) {
      pending += text.replaceAll('\r', '');
      const blocks = pending.split('\n\n');
      pending = blocks.pop() ?? '';
      if (pending.length > PENDING_MAX_CHARACTERS) throw new Error('an event without an end');
      return blocks.map(eventOf).filter((event) => event !== undefined);
    },
  };
}

/** Undefined: a comment, or an event without data. */
function eventOf(block: string): ServerEvent | undefined {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') };
}
