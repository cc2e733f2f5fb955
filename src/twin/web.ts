// What is not the API: the service's web application, as far as a gateway could meet it.
import { type Answer, sessionCookie } from './answer.ts';
import type { Received, Service } from './service.ts';

/**
 * GET answers a page and a session cookie, also where nothing is (cases 236-api-root, 237-api-v3, 302); anything else is
 * plain text (case 103-secret-upper-path). A page does not consume a secret; its script would.
 */
export function answerWeb(service: Service, received: Received): Answer {
  if (received.method !== 'GET' && received.method !== 'HEAD') {
    return { status: 404, contentType: 'text/plain', body: 'Not Found' };
  }
  const known = /^\/(?:(?:secret|private|receipt)\/[^/]+)?$/.test(received.path);
  const body = `<!doctype html>
<html lang="en" class="light">
  <head>
    <script nonce="${service.keys.nonce()}" language="javascript" type="text/javascript"></script>
    <title>Onetime Secret</title>
  </head>
  <body><div id="app"></div></body>
</html>
`;
  return {
    status: known ? 200 : 404,
    contentType: 'text/html; charset=utf-8',
    headers: sessionCookie(service.keys.token(), service.now()),
    body,
  };
}
