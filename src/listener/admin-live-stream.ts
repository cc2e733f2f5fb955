// Server-sent events: the live state to each who listens, as long as they keep up.
import type { ServerResponse } from 'node:http';
import { Problem } from './admin-problem.ts';

export interface LiveStream {
  /**
   * @param mayStill asked before each piece of news: tokens are taken back while the gateway runs
   * @throws Problem where too many listen already
   */
  join(response: ServerResponse, mayStill: () => boolean): void;
  /** To all; undefined: a sign of life without news. One who has not taken the last one yet goes without. */
  send(event: string, data: object | undefined): void;
  /** Ends all. */
  close(): void;
}

export interface LiveStreamOptions {
  readonly most: number;
  /** Called when the first has joined, and when the last has gone. */
  readonly onFirst: () => void;
  readonly onLast: () => void;
}

interface Listener {
  /** In a row. */
  missed: number;
  readonly mayStill: () => boolean;
}

/** Who did not take so many in a row is cut: what waits for them stays in memory. */
export const MOST_MISSED = 10;
/** When a browser comes back after the connection was lost. */
const RETRY_MS = 2000;

const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // Some proxies would otherwise keep the events until there are many.
  'x-accel-buffering': 'no',
} as const;

/** Answers HEAD as GET would be. */
export function answerHead(response: ServerResponse): void {
  response.writeHead(200, HEAD).end();
}

export function createLiveStream({ most, onFirst, onLast }: LiveStreamOptions): LiveStream {
  const listeners = new Map<ServerResponse, Listener>();
  let closed = false;
  /** The last news, for who comes between two. */
  let latest = '';

  function leave(response: ServerResponse): void {
    if (!listeners.delete(response) || listeners.size > 0) return;
    latest = '';
    onLast();
  }

  function offer(response: ServerResponse, listener: Listener, text: string): void {
    if (!listener.mayStill()) {
      response.end();
      return;
    }
    // Node says so when more waits than it keeps without a word: what waits is never more than that and one piece of news.
    listener.missed = response.writableNeedDrain ? listener.missed + 1 : 0;
    if (listener.missed === 0) response.write(text);
    else if (listener.missed > MOST_MISSED) response.destroy();
  }

  return {
    join(response, mayStill) {
      if (closed || listeners.size >= most)
        throw new Problem('too_many_listeners', { headers: { 'retry-after': '10' } });
      response.on('close', () => leave(response));
      response.writeHead(200, HEAD);
      response.write(`retry: ${RETRY_MS}\n\n${latest}`);
      listeners.set(response, { missed: 0, mayStill });
      if (listeners.size === 1) onFirst();
    },
    send(event, data) {
      // JSON has no line breaks, so it is one line of data.
      const text = data === undefined ? ': no news\n\n' : `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
      if (data !== undefined) latest = text;
      for (const [response, listener] of [...listeners]) offer(response, listener, text);
    },
    close() {
      closed = true;
      for (const response of [...listeners.keys()]) response.end();
    },
  };
}
