// A domain's MTA-STS policy, fetched from its policy host: RFC 8461 §3.3. Bounded in time and size, the certificate
// checked for the host's name, no redirect followed. Whatever else comes is no policy, for a reason that TLS reports
// have a word for.

import type { Resolver } from '../../../dns/resolver.ts';
import type { HttpRequest } from '../../../net/http-request.ts';
import { HttpError, httpRequest } from '../../../net/http-request.ts';
import { isPublicAddress } from '../../../net/public-address.ts';
import { parseStsPolicy, policyUrl } from '../../../trust/mta-sts.ts';
import type { StsFetchProblem } from './sts.ts';

export interface StsFetchParts {
  readonly resolver: Resolver;
  /** How policy hosts are reached, in tests. */
  readonly request?:
    | (Pick<HttpRequest, 'connectTo' | 'tls'> & Partial<Pick<HttpRequest, 'timeoutMs'>>)
    | undefined;
}

/** RFC 8461 §3.3: both as suggested. */
const limits = { timeoutMs: 60_000, bytesMax: 64 * 2 ** 10 };

const atPrivateAddress: StsFetchProblem = {
  result: 'sts-policy-fetch-error',
  reason: 'it is at a private address',
};

/** The text of a policy that can be read, or why there is none. */
export async function fetchStsPolicy(
  domain: string,
  { resolver, request }: StsFetchParts,
): Promise<string | StsFetchProblem> {
  let isPrivate = false;
  const allows = (address: string) => {
    isPrivate ||= !isPublicAddress(address);
    return true;
  };
  try {
    const url = policyUrl(domain);
    const asked = { url, resolver, allows, ...limits, ...request };
    const { status, headers, body } = await httpRequest(asked);
    if (status !== 200) {
      const hint = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
      return { result: 'sts-policy-fetch-error', reason: `the answer is ${status}${hint}` };
    }
    if (!/^text\/plain[ \t]*(?:;|$)/i.test(headers.get('content-type') ?? ''))
      return { result: 'sts-policy-invalid', reason: 'it is not text/plain' };
    const text = Buffer.from(body).toString();
    const read = parseStsPolicy(text);
    return 'problem' in read ? { result: 'sts-policy-invalid', reason: read.problem } : text;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const { kind, message: reason } = error;
    const result = kind === 'tls' ? 'sts-webpki-invalid' : 'sts-policy-fetch-error';
    // Where the domain's DNS leads into our own network, its operator is not told what is there; ours is.
    return isPrivate ? { result, reason, reported: atPrivateAddress } : { result, reason };
  }
}
