#!/usr/bin/env node
// argv -> command -> exit code.
import { cacheCode } from './code-cache.ts';

// Before anything else is loaded: what is loaded is what it keeps.
cacheCode(process.env);
const { run } = await import('./cli/program.ts');
process.exitCode = await run(process.argv);
