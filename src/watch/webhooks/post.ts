// One request of a webhook. Only its status counts; what goes wrong is told in words, and nothing is thrown.

import type { Clock } from '../../base/clock.ts';
import { version } from '../../base/version.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { HttpRequest } from '../../net/http-request.ts';
import { HttpError, httpRequest } from '../../net/http-request.ts';
import { isPublicAddress } from '../../net/public-address.ts';
import { signedFields } from './signature.ts';
import type { Notice, WebhookAttempt, WebhookTarget } from './webhook.ts';

/** Limits: of one request, and of the answer, which nobody reads. */
export const requestTimeoutMs = 15_000;
const answerBytesMax = 64 * 2 ** 10;

export interface PostParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly resolver: Resolver;
  /** Default: `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** Limit: how long a receiver may ask for patience. */
export const retryAfterMsMax = 24 * 60 * 60_000;

/** `attempt` is 1 for the first. */
export async function post(
  target: WebhookTarget,
  { id, event, body, attempt }: Notice & { readonly attempt: number },
  { clock, resolver, timeoutMs = requestTimeoutMs, signal }: PostParts & { signal: AbortSignal },
): Promise<WebhookAttempt> {
  const { url, key } = target;
  const at = clock.now();
  const facts = { at, event, id, attempt };
  try {
    const { status, headers } = await httpRequest({
      ...{ url, method: 'POST', body, timeoutMs, bytesMax: answerBytesMax, signal },
      headers: {
        'content-type': 'application/json',
        'user-agent': `postrider/${version}`,
        ...signedFields(key, { id, at, body }),
      },
      ...reachOf(target, resolver),
    });
    const problem = problemOf(status, headers.get('location'));
    const now = clock.now();
    const wait = problem === undefined ? undefined : retryAfter(headers.get('retry-after'), now);
    const retryAt = wait === undefined ? {} : { retryAt: now + wait };
    return { ...facts, status, ms: now - at, problem, ...retryAt };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { ...facts, ms: clock.now() - at, problem: error.message };
  }
}

/**
 * Names of a private network are known to the machine, not always to the DNS. What is not encrypted stays within it;
 * what may not be private is what the DNS says at the moment of the connection, and public.
 */
function reachOf(
  { url, allowPrivate }: WebhookTarget,
  resolver: Resolver,
): Pick<HttpRequest, 'resolver' | 'allows'> {
  if (!allowPrivate) return { resolver, allows: isPublicAddress };
  return url.startsWith('https:') ? {} : { allows: (address) => !isPublicAddress(address) };
}

/** RFC 9110 §10.2.3: seconds, or a date; in milliseconds from now. What is neither says nothing. */
export function retryAfter(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  const date = / GMT$/.test(field) ? Date.parse(field) : Number.NaN;
  const ms = /^\d{1,9}$/.test(field) ? Number(field) * 1000 : date - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), retryAfterMsMax);
}

function problemOf(status: number, location: string | undefined): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return `it redirects${location === undefined ? '' : ` to ${location.slice(0, 200)}`}, and redirects are not followed`;
  return `it answered ${status}`;
}
