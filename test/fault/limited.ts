// How many files a process may have open.
/** For a process that may have so many files open and no more (StartOptions.through). */
export const limited = (most: number): readonly string[] => ['sh', '-c', `ulimit -n ${most}; exec "$@"`, 'sh'];
