// The schema as data: every key with its kind, its default and its documentation.
import { z } from 'zod';
import { configSchema } from './schema.ts';

export type Described = Exclude<z.core.JSONSchema._JSONSchema, boolean>;

/** Made when it is first asked for. */
let described: Described | undefined;

export function describedSchema(): Described {
  described ??= z.toJSONSchema(configSchema(), { io: 'input' });
  return described;
}

/** Of a choice between a word and a map, the map. */
export function mapOf(node: Described | undefined): Described | undefined {
  return node?.anyOf?.find((choice) => typeof choice === 'object' && choice.properties !== undefined) ?? node;
}

/** What the schema says of a key of a map, or of the items of a list. */
export function within(node: Described, segment: string | number): Described | undefined {
  const items = Array.isArray(node.items) ? undefined : node.items;
  const found = typeof segment === 'number' ? items : (node.properties?.[segment] ?? node.additionalProperties);
  return typeof found === 'object' ? found : undefined;
}
