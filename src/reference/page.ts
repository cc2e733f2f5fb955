// The reference as one page of HTML, made from the document. Complete in itself: no script, nothing from another host.
import { block, escapeHtml, heading, inline, table } from './html.ts';
import { callOf, operationSection, type Placed } from './page-operation.ts';
import { schemaSection } from './page-schema.ts';
import { STYLE } from './page-style.ts';
import type { ApiDocument, Operation } from './types.ts';

/** What stands for the base URL until it is known who reads the page (samples.ts). */
const BASE = '$GATEWAY';

/** @returns the page for a base URL, such as `https://secrets.example` */
export function referencePage(document: ApiDocument): (base: string) => string {
  const page = pageOf(document);
  return (base) => page.replaceAll(BASE, () => escapeHtml(base));
}

function pageOf(document: ApiDocument): string {
  const { info, components } = document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({ path, method, operation })),
  );
  const groups = document.tags.map((tag) => ({
    ...tag,
    id: idOf(tag.name),
    operations: operations.filter(({ operation }) => operation.tags.includes(tag.name) && isMain(operation)),
  }));
  const schemas = Object.entries(components.schemas);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(info.title)}: the API</title>
<style>${STYLE}</style>
<a class="skip" href="#content">To the content</a>
<div class="frame">
<nav aria-label="Contents">
${contents(groups)}
</nav>
<main id="content">
<h1>${escapeHtml(info.title)} <small>${escapeHtml(info.version)}</small></h1>
<p>${inline(info.summary)}</p>
${beginning(document)}
${groups
  .map(({ name, id, description, operations: own }) =>
    [
      heading(2, id, escapeHtml(name), name),
      `<p>${inline(description)}</p>`,
      ...own.map((placed) => operationSection(document, placed, operations.filter(isAliasOf(placed)))),
    ].join('\n'),
  )
  .join('\n')}
${refusals(document)}
${heading(2, 'shapes', 'Shapes', 'Shapes')}
<p>What callers send and what they get. Answers may hold more fields than are named here.</p>
${schemas.map(([name, schema]) => schemaSection(name, schema)).join('\n')}
</main>
</div>
</html>
`;
}

function isMain(operation: Operation): boolean {
  return operation['x-alias-of'] === undefined;
}

function isAliasOf({ operation: { operationId } }: Placed): (other: Placed) => boolean {
  return ({ operation }) => operation['x-alias-of'] === operationId;
}

function idOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

interface Group {
  readonly name: string;
  readonly id: string;
  readonly operations: readonly Placed[];
}

function contents(groups: readonly Group[]): string {
  const lists = groups.map(
    ({ name, id, operations }) => `<h2><a href="#${id}">${escapeHtml(name)}</a></h2>
<ul>
${operations
  .map(({ path, method, operation }) => `<li><a href="#${operation.operationId}">${callOf(method, path)}</a></li>`)
  .join('\n')}
</ul>`,
  );
  return `<details class="contents"><summary>Contents</summary>
<ul><li><a href="#begin">How to begin</a></li></ul>
${lists.join('\n')}
<ul><li><a href="#refusals">Refusals</a></li><li><a href="#shapes">Shapes</a></li></ul>
</details>`;
}

function beginning({ info, servers, paths }: ApiDocument): string {
  const [, named] = servers;
  const regions = named?.variables?.region?.enum ?? [];
  const itself = Object.keys(paths).find((path) => path.endsWith('.json'));
  return [
    heading(2, 'begin', 'How to begin', 'How to begin'),
    block(BASE, 'Base URL'),
    ...info.description.split('\n\n').map((paragraph) => `<p>${inline(paragraph)}</p>`),
    `<p>Regions here: ${regions.map((region) => `<code>${escapeHtml(region)}</code>`).join(', ')}.</p>`,
    itself === undefined ? '' : `<p>For tools: <a href="${itself}">${itself.slice(1)}</a>, OpenAPI 3.1.</p>`,
  ].join('\n');
}

function refusals({ components }: ApiDocument): string {
  const codes = components.schemas.GatewayRefusal?.properties?.error?.oneOf ?? [];
  const rows = codes.map(({ const: code, description = '' }) => {
    const [status = '', ...sentence] = description.split('. ');
    return [`<code id="refusal-${code}">${code}</code>`, status, inline(sentence.join('. '))];
  });
  return `${heading(2, 'refusals', 'Refusals', 'Refusals')}
<p>What the gateway answers in its own name, by the field <code>error</code>. Where more can be said, <code>hint</code> says it.</p>
${table('Refusals', ['error', 'Status', 'message'], rows)}`;
}
