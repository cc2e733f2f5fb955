// One operation of the document as a part of the page.
import { block, escapeHtml, heading, inline, table } from './html.ts';
import { typeOf } from './page-schema.ts';
import type { ApiDocument, Media, Operation, Parameter, Reference, Response } from './types.ts';

const EFFECTS: Readonly<Record<string, string>> = {
  none: 'changes nothing',
  creates: 'creates a secret',
  advances: 'marks the metadata as viewed',
  destroys: 'destroys the secret',
};
const ACCESS: Readonly<Record<string, string>> = {
  public: 'for anybody',
  anonymous: 'with or without an account',
  private: 'needs an account',
};

/** What a reference of the document leads to; the document is our own, and a test resolves each. */
function followed<T extends object>(one: T | Reference, among: Readonly<Record<string, T>>): T {
  if (!('$ref' in one)) return one;
  const found = among[one.$ref.split('/').at(-1) ?? ''];
  if (found === undefined) throw new Error(`nothing at ${one.$ref}`);
  return found;
}

export function callOf(method: string, path: string): string {
  return `<span class="method ${method}">${method.toUpperCase()}</span> ${escapeHtml(path)}`;
}

export interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/** @param aliases other paths and methods of the same operation */
export function operationSection(document: ApiDocument, placed: Placed, aliases: readonly Placed[]): string {
  const { path, method, operation } = placed;
  const { operationId: id, summary, description, deprecated } = operation;
  const called = `${method.toUpperCase()} ${path}`;
  const facts = [ACCESS[operation['x-access']], EFFECTS[operation['x-effect']], deprecated && 'for old clients'];
  return [
    `<article aria-labelledby="${escapeHtml(id)}">`,
    heading(3, id, inline(summary), summary),
    `<p class="call">${callOf(method, path)}</p>`,
    ...aliases.map((alias) => `<p class="call">${callOf(alias.method, alias.path)}</p>`),
    `<p class="facts">${facts.filter(Boolean).join(' · ')}</p>`,
    `<p>${inline(description)}</p>`,
    ...operation['x-codeSamples'].map(({ source, label }) => block(source, `${label}: ${called}`)),
    parametersOf(document, operation, called),
    bodyOf(operation),
    answersOf(document, operation, called),
    '</article>',
  ].join('\n');
}

function parametersOf({ components }: ApiDocument, { parameters }: Operation, called: string): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map((one) => {
    const { name, in: at, required, description } = followed<Parameter>(one, components.parameters);
    return [`<code>${escapeHtml(name)}</code>`, `${at}${required ? ', needed' : ''}`, inline(description)];
  });
  return table(`Parameters of ${called}`, ['Parameter', 'Where', 'What it is'], rows);
}

function bodyOf({ requestBody }: Operation): string {
  if (requestBody === undefined) return '';
  const types = Object.keys(requestBody.content).map((type) => `<code>${escapeHtml(type)}</code>`);
  const [media] = Object.values(requestBody.content);
  const shape = media === undefined ? '' : typeOf(media.schema);
  return `<p>Body${requestBody.required ? '' : ', may be left out'}: ${shape}, as ${types.join(' or ')}.</p>`;
}

function answersOf({ components }: ApiDocument, { responses }: Operation, called: string): string {
  const rows = Object.entries(responses).map(([status, one]) => {
    const response = followed<Response>(one, components.responses);
    return [status, shapeOf(response), saidOf(response)];
  });
  const good = rows.filter(([status = '']) => /^[23]/.test(status));
  const others = rows.filter((row) => !good.includes(row));
  const head = ['Status', 'Body', 'When'];
  return `${table(`Answers of ${called}`, head, good)}
<details><summary>When it does not go well</summary>
${table(`Failures of ${called}`, head, others)}
</details>`;
}

function shapeOf({ content }: Response): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => (type === 'text/html' ? 'a page' : typeOf(schema)))
    .join(' or ');
}

/** The description, with each refusal that it names as a link to its sentence. */
function saidOf({ description, content }: Response): string {
  const codes = new Set(Object.values(content ?? {}).flatMap(({ examples }: Media) => Object.keys(examples ?? {})));
  return inline(description).replaceAll(/[a-z_]+/g, (word) =>
    codes.has(word) ? `<a href="#refusal-${word}">${word}</a>` : word,
  );
}
