// The way to the admin API: the token goes along, and whatever is no success becomes an ApiProblem.
import { ApiProblem, unreachable } from './problem.ts';

const PREFIX = '/admin/v1';

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: object;
  readonly signal?: AbortSignal;
  readonly accept?: string;
  /** A status beside those of success whose body is an answer, too. */
  readonly also?: number;
}

/** @param path below /admin/v1 @throws ApiProblem */
export type Send = (path: string, call?: Call) => Promise<Response>;

/** @param token asked at every call; undefined: none */
export function createSend(token: () => string | undefined): Send {
  return async (path, { method = 'GET', body, signal, accept = 'application/json', also } = {}) => {
    const headers: Record<string, string> = { accept };
    const known = token();
    if (known !== undefined) headers.authorization = `Bearer ${known}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(PREFIX + path, {
      method,
      headers,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => {
      throw error instanceof DOMException && error.name === 'AbortError' ? error : unreachable();
    });
    if (response.ok || response.status === also) return response;
    throw await refusalOf(response);
  };
}

/** Something between page and gateway may answer in a form of its own. */
async function refusalOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => undefined);
  const { status } = response;
  if (isProblem(body)) return new ApiProblem(status, body);
  return new ApiProblem(status, { error: 'unexpected', message: `The answer was ${status}, and nothing else.` });
}

function isProblem(body: unknown): body is { error: string; message: string; hint?: string } {
  if (typeof body !== 'object' || body === null || !('error' in body) || !('message' in body)) return false;
  return typeof body.error === 'string' && typeof body.message === 'string';
}
