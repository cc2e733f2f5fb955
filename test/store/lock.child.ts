// Run as another process: executes SQL on a database, says "locked", and holds the connection until its input ends.
import { DatabaseSync } from 'node:sqlite';

const [path = '', sql = ''] = process.argv.slice(2);
const db = new DatabaseSync(path, { timeout: 2000 });
db.exec(sql);
console.log('locked');
process.stdin.resume().on('end', () => db.close());
