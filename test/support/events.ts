// A reader of server-sent events: what was sent, event by event, as it comes.
import { type IncomingMessage, request } from 'node:http';

export interface Sse {
  readonly event: string;
  readonly data: string;
}

export interface Events {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The next one that has not been taken. Rejects when the stream ends first. */
  next(): Promise<Sse>;
  /** Comments and fields beside events, as they came. */
  readonly others: readonly string[];
  /** Resolves when the stream is over, by whichever side. */
  readonly over: Promise<void>;
  /** Reads no more, until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** @returns once the head of the answer is there, whatever its status; `body` where it is no stream */
export function listen(
  base: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Events & { body(): Promise<string> }> {
  return new Promise((resolve, reject) => {
    const req = request(new URL(path, base), { headers, agent: false }, (res) => resolve(read(res)));
    req.on('error', reject);
    req.end();
  });
}

function read(res: IncomingMessage): Events & { body(): Promise<string> } {
  const ready: Sse[] = [];
  const waiting: { resolve(event: Sse): void; reject(cause: Error): void }[] = [];
  const others: string[] = [];
  let text = '';
  let whole = '';

  function take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.split(':')[0] ?? '', line.replace(/^[^:]*: ?/, '')]));
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event === undefined || data === undefined) others.push(block);
    else if (waiting.length > 0) waiting.shift()?.resolve({ event, data });
    else ready.push({ event, data });
  }

  res.setEncoding('utf8');
  res.on('data', (chunk: string) => {
    whole += chunk;
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      take(text.slice(0, end));
      text = text.slice(end + 2);
    }
  });
  const over = new Promise<void>((settle) => {
    const end = (): void => {
      for (const { reject } of waiting.splice(0)) reject(new Error('the stream is over'));
      settle();
    };
    res.on('error', end);
    res.on('close', end);
  });
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    others,
    over,
    next() {
      const event = ready.shift();
      if (event !== undefined) return Promise.resolve(event);
      if (res.closed) return Promise.reject(new Error('the stream is over'));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    body: () => over.then(() => whole),
    pause: () => void res.pause(),
    resume: () => void res.resume(),
    close: () => void res.destroy(),
  };
}
