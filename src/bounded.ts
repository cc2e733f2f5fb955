// Bounded memory: the entries that were used last.
import { LRUCache } from 'lru-cache';

/**
 * @returns a map that keeps the `entries` last used ones. Told by size, and not by number, lru-cache takes its memory as it
 *   is needed: by number it takes all of it at once, and the rooms' memories together took a fifth of the start.
 */
export function createBounded<V extends NonNullable<unknown>>(entries: number): LRUCache<string, V> {
  return new LRUCache<string, V>({ maxSize: entries, sizeCalculation: () => 1 });
}
