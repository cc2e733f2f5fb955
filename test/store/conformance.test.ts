// Both engines, held to the same promises.
import { describeDirectory, describeEngine } from './conformance.ts';
import { describeKeys } from './conformance-keys.ts';
import { ENGINES } from './engines.ts';

for (const engine of ENGINES) {
  describeEngine(engine, (open) => {
    describeDirectory(open);
    describeKeys(open);
  });
}
