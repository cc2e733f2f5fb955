// How v2 says no.
import { type Answer, json } from './answer.ts';
import type { Call, Service } from './service.ts';

/** 403 in 0.20 (case 255-v2-authcheck-bad), 401 in 0.26. */
export function notAuthorizedV2(service: Service): Answer {
  return json(service.version === '0.20' ? 403 : 401, { message: 'Not authorized' });
}

/** Case 185-ratelimit-v2-reveal of run 2. */
export function rateLimitedV2(service: Service): Answer {
  const message =
    service.version === '0.20' ? 'Cripes! You have been rate limited.' : 'Rate limit exceeded. Please try again later.';
  return json(429, { message, success: false });
}

/** Cases 260, 278, 294. */
export function formErrorV2(service: Service, call: Call, status: 422 | 500, message: string): Answer {
  const shrimp = service.version === '0.20' ? { shrimp: service.shrimp(call.caller) } : {};
  return json(status, { ...shrimp, message, success: false });
}
