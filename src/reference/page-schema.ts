// Schemas as tables.
import { block, escapeHtml, heading, inline, table } from './html.ts';
import type { Schema } from './types.ts';

const PREFIX = '#/components/schemas/';

/** The type of a field, with a link where it is a schema of its own. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return link(schema.$ref);
  const choices = schema.anyOf ?? [];
  if (choices.length > 0) return choices.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['string']);
  return escapeHtml(types.join(' or '));
}

function link(ref: string): string {
  const name = escapeHtml(ref.replace(PREFIX, ''));
  return `<a href="#schema-${name}">${name}</a>`;
}

/** The fields of an object, those of objects within it behind their names. */
function rowsOf({ properties = {}, required = [] }: Schema, before = ''): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${before}${name}`;
    const row = [
      `<code>${escapeHtml(path)}</code>`,
      `${typeOf(field)}${required.includes(name) ? ', always' : ''}`,
      `${inline(field.description ?? '')}${valuesOf(field)}`,
    ];
    return [row, ...rowsOf(field, `${path}.`)];
  });
}

function valuesOf(field: Schema): string {
  if (field.enum === undefined) return '';
  return ` One of ${field.enum.map((value) => `<code>${escapeHtml(value)}</code>`).join(', ')}.`;
}

/** One schema of the document under its own heading. */
export function schemaSection(name: string, schema: Schema): string {
  const shown = schema.items?.properties === undefined ? schema : schema.items;
  const example = schema.examples?.[0];
  return [
    heading(3, `schema-${name}`, escapeHtml(name), name),
    `<p>${inline(schema.description ?? 'Sent by callers.')}${shown === schema ? '' : ' A list; each of its items has:'}</p>`,
    table(`Fields of ${name}`, ['Field', 'Type', 'What it is'], rowsOf(shown)),
    example === undefined ? '' : block(JSON.stringify(example, null, 2), `Example of ${name}`),
  ].join('\n');
}
