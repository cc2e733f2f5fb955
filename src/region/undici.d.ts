// The parts of undici that are used. Imported each by itself: the whole package brings fetch, WebSocket, caches and more, a
// tenth of the start.
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}
declare module 'undici/lib/core/connect.js' {
  import { buildConnector } from 'undici';
  export default buildConnector;
}
