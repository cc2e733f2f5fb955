// docs/operations.md names what a reload cannot change, all of it and nothing else.
import { expect, it } from 'vitest';
import { FIXED } from '../../src/reload.ts';
import { readDocument } from '../support/markdown.ts';

it('names every key that needs a restart', () => {
  const [, list = ''] = /These keys need a restart\.([\s\S]*?)\n\n/.exec(readDocument('docs/operations.md')) ?? [];
  const named = [...list.matchAll(/`([^`]+)`/g)].map(([, key]) => key);
  expect(named).toEqual(Object.keys(FIXED));
});
