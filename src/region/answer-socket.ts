// A connection to a region whose answers are read strictly before undici reads them. Undici takes bytes with `read()` alone; here
// it gets those that the reader lets pass. Should it ever take them in another way, test/fault/answers.test.ts says so.
import type { Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';

export interface Answers {
  /**
   * To be called right before a request is written: what comes from now on is its answer. What comes without it, and what
   * comes behind an answer, is nobody's, and ends the connection.
   * @param toHead whether the request is HEAD, whose answer has no body
   */
  begin(toHead: boolean): void;
}

/**
 * @param socket connected, and nothing read from it but by whoever gets it from here: with `read()` without a size, giving
 *   back with `unshift` what is too much for now, before it reads again
 */
export function readStrictly(socket: Socket): Answers {
  const reader = new AnswerReader();
  const read = socket.read.bind(socket);
  const unshift = socket.unshift.bind(socket);
  /** Read here before, and now again at the front of what the socket holds. Undefined: nothing was given back. */
  let returnedBytes: number | undefined;

  function readOn(): Buffer | null {
    // Without an error: undici takes a request that waits for this connection to a new one.
    if (reader.isSpoilt) socket.destroy();
    else {
      for (let chunk: Buffer | null = read(); chunk !== null; chunk = read()) {
        const passed = reader.read(chunk);
        if (passed !== null) return passed;
        if (reader.isSpoilt) return readOn();
      }
    }
    return null;
  }

  /** Undici goes on with an answer that it paused: whatever stands behind that, it is to be finished first. */
  function readAgain(returned: number): Buffer | null {
    returnedBytes = undefined;
    const chunk: Buffer | null = read();
    if (chunk === null || chunk.length === returned) return chunk;
    const passed = reader.read(chunk.subarray(returned));
    return Buffer.concat([chunk.subarray(0, returned), ...(passed === null ? [] : [passed])]);
  }

  socket.unshift = (chunk: Buffer) => {
    returnedBytes = chunk.length;
    unshift(chunk);
  };
  socket.read = (size) => {
    // Node's own way to have the socket filled.
    if (size !== undefined) return read(size);
    try {
      return returnedBytes === undefined ? readOn() : readAgain(returnedBytes);
    } catch (fault) {
      socket.destroy(fault instanceof Error ? fault : undefined);
      return null;
    }
  };
  return {
    begin(toHead) {
      if (!reader.begin(toHead)) socket.destroy();
    },
  };
}
