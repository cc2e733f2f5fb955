// The caller's body as a stream that the connection to a region may destroy without cutting the caller, who is still to
// be answered. Nothing is read before the connection asks for it, so that another upstream URL can be tried.
import { Readable } from 'node:stream';
import type { Exchange } from '../listener/exchange.ts';

const CUT = new Error('the caller did not send the whole body');

/**
 * @param exchange nothing of its body read yet, or by an earlier such stream of which nothing was asked
 * @param onBytes told of each piece, in bytes
 */
export function lazyBody(exchange: Pick<Exchange, 'req' | 'invite'>, onBytes: (bytes: number) => void): Readable {
  const { req } = exchange;
  let reading = false;
  const onData = (chunk: Buffer): void => {
    onBytes(chunk.length);
    if (!body.push(chunk)) req.pause();
  };
  const onEnd = (): void => void body.push(null);
  const onCut = (): void => void body.destroy(CUT);

  const body = new Readable({
    read() {
      if (reading) {
        req.resume();
        return;
      }
      reading = true;
      exchange.invite();
      if (req.destroyed && !req.readableEnded) onCut();
      req.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
    },
    destroy(error, done) {
      req.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut);
      done(error);
    },
  });
  return body;
}
