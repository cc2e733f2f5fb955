// What the first bytes of a connection are to a reader of the PROXY protocol.

export type ProxyHeader =
  /** `address` is the caller's; undefined where the connection is the load balancer's own, or it does not know whose. */
  | { readonly kind: 'header'; readonly lengthBytes: number; readonly address: string | undefined }
  /** So far it is one; more has to come. */
  | { readonly kind: 'part' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' };

export const PART: ProxyHeader = { kind: 'part' };
export const MISSING: ProxyHeader = { kind: 'missing' };
export const MALFORMED: ProxyHeader = { kind: 'malformed' };
