// Copies what of the operators' page is not compiled (HTML, styles, pictures) beside what is: from src/console/page to
// dist/console/page.
import { cpSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../src/console/page', import.meta.url));
const to = fileURLToPath(new URL('../dist/console/page', import.meta.url));
const COPIED = new Set(['.html', '.css', '.svg', '.png']);

// A folder has no ending.
cpSync(from, to, { recursive: true, filter: (path) => path === from || COPIED.has(extname(path) || '.html') });
