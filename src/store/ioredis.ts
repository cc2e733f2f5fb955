// ioredis, loaded where a store is shared: it is a tenth of the start, and most gateways have a file.
import { createRequire } from 'node:module';
import type * as Ioredis from 'ioredis';

const require = createRequire(import.meta.url);

export const ioredis = (): typeof Ioredis => require('ioredis') as typeof Ioredis;
