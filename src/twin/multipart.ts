// A small multipart/form-data reader. Response.formData() would do but for its asynchrony and for losing odd bytes.

/** The parts' names and bytes, in order. What does not look like a part is passed over, as Rack does. */
export function parseMultipart(contentType: string, body: Buffer): [string, Buffer][] {
  const boundary = /boundary="?([^";,]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return [];
  const parts: [string, Buffer][] = [];
  const delimiter = Buffer.from(`--${boundary}`);
  let start = body.indexOf(delimiter);
  while (start >= 0) {
    const from = start + delimiter.length;
    const next = body.indexOf(delimiter, from);
    if (next < 0) break;
    const part = readPart(body.subarray(from, next));
    if (part !== undefined) parts.push(part);
    start = next;
  }
  return parts;
}

function readPart(part: Buffer): [string, Buffer] | undefined {
  const blank = part.indexOf('\r\n\r\n');
  if (blank < 0) return undefined;
  const head = part.toString('utf8', 0, blank);
  const name = /content-disposition:[^\r\n]*?[;\s]name="?([^";\r\n]*)"?/i.exec(head)?.[1];
  if (name === undefined) return undefined;
  // A part ends with the line break that belongs to the next delimiter.
  return [name, part.subarray(blank + 4, Math.max(blank + 4, part.length - 2))];
}
