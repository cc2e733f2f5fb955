// Run as another process: loads the identity key at the moment that is given, and prints it. Test keys only.
import { loadIdentityKeys } from '../../src/store/identity-key.ts';

const [file = '', atMs = '0'] = process.argv.slice(2);
while (Date.now() < Number(atMs));
console.log(loadIdentityKeys({ file, env: undefined, now: Date.now }).current.toString('hex'));
