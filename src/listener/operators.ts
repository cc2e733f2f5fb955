// How many connections operators, Prometheus and probes may have: whoever leaves more of them open must not take from callers
// what the process has of descriptors.
export const MOST_OPERATORS = 128;
