// The formats in which accounts are imported and exported.
export const FORMATS = ['csv', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];
