// A plain client for the twin's own tests.

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: Record<string, unknown>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** `name:token`, sent as HTTP Basic. */
  readonly as?: string;
}

export async function ask(
  base: string,
  path: string,
  { method = 'POST', headers = {}, body, as }: Ask = {},
): Promise<Reply> {
  const basic = as === undefined ? {} : { Authorization: `Basic ${Buffer.from(as).toString('base64')}` };
  const form = body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
  const answer = await fetch(new URL(path, base), {
    method,
    headers: { ...form, ...basic, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true && text !== '';
  return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : {} };
}
