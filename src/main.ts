#!/usr/bin/env node
// argv -> command -> exit code.
import { run } from './cli/program.ts';

process.exitCode = await run(process.argv);
