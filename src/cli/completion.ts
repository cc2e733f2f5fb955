// `completion`: a script that lets a shell complete the commands, made from the commands themselves.
import type { Command } from 'commander';
import { bashCompletion } from './completion/bash.ts';
import { fishCompletion } from './completion/fish.ts';
import { commandTree } from './completion/tree.ts';
import { zshCompletion } from './completion/zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
export type Shell = keyof typeof SHELLS;

export function completion(program: Command, shell: Shell): string {
  return SHELLS[shell](commandTree(program));
}
