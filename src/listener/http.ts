// Node's HTTP server, fetched in place of imported: who imports values of node:http is handed all of it, also what loads
// Node's own undici with fetch and WebSocket, a tenth of the start.

export const { createServer, METHODS, STATUS_CODES } = process.getBuiltinModule('node:http');

/** Its sibling with TLS, fetched where it is asked for. */
export const https = (): typeof import('node:https') => process.getBuiltinModule('node:https');

/** HTTP/2, likewise. */
export const http2 = (): typeof import('node:http2') => process.getBuiltinModule('node:http2');
