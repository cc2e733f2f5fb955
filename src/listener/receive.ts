// The whole request body, bounded, before anything is sent anywhere: nothing half-received ever reaches a region.
import { Pieces } from '../pieces.ts';
import { Refusal } from '../refusal.ts';
import type { Exchange } from './exchange.ts';

const EMPTY = Buffer.alloc(0);

/**
 * @param exchange its body not read yet. Too slow a sender, or one whose body is not well-formed, is reported by the
 *   server and interrupts this.
 * @param limitBytes beyond it the rest is read and thrown away, so that the caller sees the 413
 * @returns the body, a refusal (413, 408, 400), or `gone` when the caller left before its end
 */
export function receive(exchange: Exchange, limitBytes: number): Buffer | Promise<Buffer | Refusal | 'gone'> | Refusal {
  const { req } = exchange;
  const declared = req.headers['content-length'];
  if (declared === undefined && req.headers['transfer-encoding'] === undefined) return EMPTY;
  if (declared === '0') return EMPTY;
  const tooLarge = (): Refusal =>
    new Refusal('body_too_large', { hint: `The limit is ${limitBytes} bytes.`, outcome: 'not_sent' });
  if (declared !== undefined && Number(declared) > limitBytes) return tooLarge();

  if (exchange.trouble !== undefined) return exchange.trouble;
  return new Promise((settle) => {
    const pieces = new Pieces();
    let size = 0;
    let refused = false;
    // What comes after it is thrown away, and what has come is let go of.
    const refuse = (refusal: Refusal): void => {
      refused = true;
      pieces.clear();
      settle(refusal);
    };
    exchange.interrupt = refuse;
    exchange.invite();
    req.on('data', (chunk: Buffer) => {
      if (refused) return;
      size += chunk.length;
      if (size <= limitBytes) pieces.add(chunk);
      else refuse(tooLarge());
    });
    // Only the first settling counts: after the refusal `end` says nothing, after `end` a caller that leaves says nothing.
    req.on('end', () => settle(pieces.whole()));
    const gone = (): void => settle('gone');
    exchange.onGone(gone);
    req.on('error', gone);
  });
}
