// Debian's proxies, each before the same region. Their configurations are what somebody has who knows their manuals: one prefix, the
// client's address and nobody else's word for it, the same times, whole requests before anything is sent where that can be had,
// sizes as they come.
import { caddy } from './peer-caddy.ts';
import { haproxy } from './peer-haproxy.ts';
import { nginx } from './peer-nginx.ts';
import type { Candidate } from './subjects.ts';

export const PEERS: readonly Candidate[] = [nginx, haproxy, caddy];
