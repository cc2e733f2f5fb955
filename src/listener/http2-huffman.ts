// The code in which header strings of HTTP/2 may be written (RFC 7541, 5.2 and appendix B). It is canonical: the lengths of its
// codes say all of it.

/** Lengths in bits, by symbol: `28x7` is 28 for seven symbols. The last symbol is the end of a string. */
const RUNS = `
  13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7
  8 13 19 13 14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23
  24x2 22 23 24 23x4 21 22 23 22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20
  22x3 23 22x2 23 26x2 20 19 22 23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21
  22 21x2 23 22x2 25x2 24x2 26 23 26 27 26x2 27x5 28 27x5 26 30
`;

const LENGTHS: readonly number[] = RUNS.trim()
  .split(/\s+/)
  .flatMap((run) => {
    const [bits, count = 1] = run.split('x').map(Number);
    return Array<number>(count).fill(bits ?? 0);
  });
const LONGEST = 30;
const END = 256;
/** Padding is shorter than a byte. */
const MOST_PADDING_BITS = 7;

/** Two entries a node: where a bit leads. Zero or more: a node; below: the symbol `-entry - 1`. */
const TREE: Int16Array = plant();

/** Codes of one length are given out in the order of the symbols, the shorter ones first. */
function plant(): Int16Array {
  const tree = new Int16Array(2 * LENGTHS.length);
  let nodes = 1;
  let code = 0;
  for (let bits = 1; bits <= LONGEST; bits++) {
    code *= 2;
    for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
      if (LENGTHS[symbol] !== bits) continue;
      let node = 0;
      for (let at = bits - 1; at > 0; at--) {
        const entry = 2 * node + ((code >>> at) & 1);
        if (tree[entry] === 0) tree[entry] = nodes++;
        node = tree[entry] ?? 0;
      }
      tree[2 * node + (code & 1)] = -symbol - 1;
      code++;
    }
  }
  return tree;
}

/**
 * @param take is given each symbol of `bytes` from `start` on to `end`
 * @returns whether it is such a string
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, take: (symbol: number) => void): boolean {
  let node = 0;
  /** Since the last symbol. */
  let pendingBits = 0;
  let areOnes = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1;
      const entry = TREE[2 * node + bit] ?? 0;
      pendingBits++;
      areOnes &&= bit === 1;
      if (entry >= 0) {
        node = entry;
        continue;
      }
      const symbol = -entry - 1;
      if (symbol === END) return false;
      take(symbol);
      node = 0;
      pendingBits = 0;
      areOnes = true;
    }
  }
  return areOnes && pendingBits <= MOST_PADDING_BITS;
}
