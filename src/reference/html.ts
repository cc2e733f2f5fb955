// Text as HTML.

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A sentence of the document: what stands between backticks is code. */
export function inline(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

/** A block that is selected whole by one click, scrolls by itself and can be reached by keyboard. */
export function block(text: string, label: string): string {
  return `<pre tabindex="0" role="group" aria-label="${escapeHtml(label)}"><code>${escapeHtml(text)}</code></pre>`;
}

/** @param rows the first cell of each names it */
export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = head.map((title) => `<th scope="col">${title}</th>`).join('');
  const lines = rows.map(
    ([name = '', ...cells]) =>
      `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  return `<div class="wide" tabindex="0" role="group" aria-label="${escapeHtml(caption)}"><table>
<thead><tr>${titles}</tr></thead>
<tbody>
${lines.join('\n')}
</tbody></table></div>`;
}

/** A heading that can be linked to. */
export function heading(level: 2 | 3, id: string, html: string, label: string): string {
  return `<h${level} id="${escapeHtml(id)}">${html} <a class="anchor" href="#${escapeHtml(id)}" aria-label="Link to: ${escapeHtml(label)}">#</a></h${level}>`;
}
