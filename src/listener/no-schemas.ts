// Fastify without JSON schemas: no route of ours has one.

const never = (): never => {
  throw new Error('routes have no schemas here');
};

/** Left to itself Fastify loads Ajv and a serialiser's compiler, a tenth of the start, for schemas that nobody has. */
export const NO_SCHEMAS = { compilersFactory: { buildValidator: never, buildSerializer: never } };
