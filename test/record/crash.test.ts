// What the log says of a defect: where it happened, and nothing of what was being handled.
import { expect, it } from 'vitest';
import { describeCrash } from '../../src/record/crash.ts';

it('says where, and nothing of the message, though its lines look like places', () => {
  const error = new TypeError('not JSON: \n    at s3cret (file:///s3cret:1:1)\n    at s3cret');
  const { at, cause } = describeCrash(error);
  expect(cause).toMatchObject({ name: 'TypeError' });
  expect(at).toEqual(expect.arrayContaining([expect.stringMatching(/crash\.test/)]));
  expect(JSON.stringify(at)).not.toContain('s3cret');
});

it('says nothing of where, when the message was changed after it was made', () => {
  const error = new Error('s3cret\n    at s3cret');
  // Made when it is read for the first time.
  expect(error.stack).toContain('s3cret');
  error.message = 'changed since';
  expect(describeCrash(error).at).toEqual([]);
});

it('of what is no error says that it is none', () => {
  expect(describeCrash('s3cret')).toEqual({ cause: 'string', at: [] });
});
