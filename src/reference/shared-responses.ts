// Answers that several operations have alike are written once: without that the document is three times as long.
import type { ApiDocument, Operation, Reference, Response } from './types.ts';

type Paths = ApiDocument['paths'];
type Place = readonly [operation: Operation, status: string, response: Response | Reference];

/** @returns the paths with references, and what they refer to, by `OPERATION.STATUS` of the first one that has it */
export function shareResponses(paths: Paths): { paths: Paths; responses: Readonly<Record<string, Response>> } {
  const places = operationsOf(paths).flatMap((operation) =>
    Object.entries(operation.responses).map(([status, response]): Place => [operation, status, response]),
  );
  const alike = Map.groupBy(places, ([, , response]) => JSON.stringify(response));
  const responses: Record<string, Response> = {};
  const names = new Map<string, string>();
  for (const [text, [first, second]] of alike) {
    if (first === undefined || second === undefined || '$ref' in first[2]) continue;
    const name = `${first[0].operationId}.${first[1]}`;
    responses[name] = first[2];
    names.set(text, name);
  }
  const shared = (response: Response | Reference): Response | Reference => {
    const name = names.get(JSON.stringify(response));
    return name === undefined ? response : { $ref: `#/components/responses/${name}` };
  };
  return { paths: mapOperations(paths, shared), responses };
}

function operationsOf(paths: Paths): Operation[] {
  return Object.values(paths).flatMap((methods) => Object.values(methods));
}

function mapOperations(paths: Paths, change: (response: Response | Reference) => Response | Reference): Paths {
  const changed = (operation: Operation): Operation => ({
    ...operation,
    responses: Object.fromEntries(Object.entries(operation.responses).map(([status, one]) => [status, change(one)])),
  });
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, changed(operation)])),
    ]),
  );
}
