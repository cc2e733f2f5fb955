// The shape of the configuration file: every key, its default and its documentation.
export type * from './types.ts';
