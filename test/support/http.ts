// A plain HTTP client for tests: what is said is what is sent, and the whole answer comes back.
import { type Agent, request as httpRequest } from 'node:http';

export interface Reply {
  readonly status: number;
  /** Lower-case names; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body as JSON; throws when it is none. */
  json(): Record<string, unknown>;
}

export interface Call {
  /** `name:token`. */
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
  readonly body?: string | Buffer | undefined;
  /** The local address to call from, of 127.0.0.0/8. */
  readonly from?: string | undefined;
  readonly agent?: Agent;
}

export function basic(nameAndToken: string): string {
  return `Basic ${Buffer.from(nameAndToken).toString('base64')}`;
}

/** One request; rejects only when the connection fails. */
export function call(base: string, method: string, path: string, options: Call = {}): Promise<Reply> {
  const url = new URL(base);
  const headers: Record<string, string | string[]> = { ...options.headers };
  if (options.as !== undefined) headers.authorization = basic(options.as);
  const chunked = headers['transfer-encoding'] !== undefined;
  if (options.body !== undefined) headers['content-type'] ??= 'application/x-www-form-urlencoded';
  if (!chunked && (options.body !== undefined || method === 'POST')) {
    headers['content-length'] ??= String(Buffer.byteLength(options.body ?? ''));
  }

  return new Promise((resolve, reject) => {
    const req = httpRequest(
      {
        host: url.hostname,
        port: url.port,
        method,
        path,
        headers,
        agent: options.agent ?? false,
        ...(options.from === undefined ? {} : { localAddress: options.from }),
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          const flat = Object.entries(res.headers).map(([name, value]) => [name, String(value)]);
          resolve({
            status: res.statusCode ?? 0,
            headers: Object.fromEntries(flat),
            body,
            json: () => JSON.parse(body) as Record<string, unknown>,
          });
        });
      },
    );
    req.on('error', reject);
    req.end(options.body);
  });
}
