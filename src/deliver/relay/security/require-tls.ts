// What a message itself asks of the way to the next host: RFC 8689. With REQUIRETLS it goes only to a host whose name
// is vouched for and whose certificate is checked, and which offers REQUIRETLS in turn; with `TLS-Required:
// No` in its header it goes although the host is not as the domain's policies want it.

import { headerEndWithin, parseHeader } from '../../../mail/header/header.ts';
import type { Content } from '../../../store/content.ts';
import { encryptionNeeded } from '../hop-failure.ts';
import type { HopHost } from '../host-walk.ts';
import type { HopMessage } from '../next-hop.ts';
import type { RelayRoute } from '../relay-route.ts';

export type TlsWish =
  /** As the route and the domain have it. */
  'none' | 'required';

/**
 * RFC 8689 §5: a report with the null reverse-path goes its way without, rather than not at all. LMTP is
 * delivery here, to a store under the same roof.
 */
export const wishOf = ({ sender, params }: HopMessage, route: RelayRoute): TlsWish =>
  params.includes('REQUIRETLS') && sender !== '' && route.kind !== 'lmtp' ? 'required' : 'none';

/** The hosts as the message will have them. */
export const asWished = (
  hosts: readonly HopHost[],
  message: HopMessage,
  route: RelayRoute,
): readonly HopHost[] =>
  wishOf(message, route) === 'required' ? hosts.map((host) => strictly(host, route)) : hosts;

/** RFC 8689 §4.2.1 (2), (4): its name is vouched for by DNSSEC, MTA-STS or the operator, and it shows a certificate. */
function strictly(host: HopHost, route: RelayRoute): HopHost {
  if (host.barred !== undefined) return host;
  const { security, name, authenticity, tlsPolicies = [], tested } = host;
  if (security.kind === 'tlsa') return host;
  if (security.kind === 'none') return barred(host, `the route to ${name} has no TLS`);
  const isSts = tlsPolicies.some(({ type }) => type === 'sts');
  // A policy in testing vouches for nobody.
  if (isSts && security.kind === 'names' && tested === undefined) return host;
  if (!authenticity.name)
    return barred(
      host,
      `neither DNSSEC nor MTA-STS says that ${name} is a host of ${route.kind === 'mx' ? route.domain : name}`,
    );
  return { ...host, security: { kind: 'names', names: [name] } };
}

function barred({ security: _, ...host }: HopHost, why: string): HopHost {
  return { ...host, barred: { reply: encryptionNeeded(why) } };
}

/**
 * RFC 8689 §3, §4.1: one field that says `No`, and no REQUIRETLS. §4.2.2, §8.4: then neither DANE nor MTA-STS is asked
 * for, and nothing waits for them; what the operator asks for stands.
 */
export const waivesTls = async ({ params, content }: Waiving): Promise<boolean> =>
  !params.includes('REQUIRETLS') && saysNo(await headOf(content));

/** Whether it is seen to, at once: of content that is in memory. */
export const waivesTlsInMemory = ({ params, content: { bytes } }: Waiving): boolean =>
  bytes !== undefined && !params.includes('REQUIRETLS') && saysNo(bytes);

type Waiving = Pick<HopMessage, 'params' | 'content'>;

function saysNo(head: Uint8Array): boolean {
  const fields = parseHeader(head, { names: new Set(['tls-required']) });
  return fields.length === 1 && fields[0]!.value.toLowerCase() === 'no';
}

/** Limit: what is further down in a header is not looked for. */
const headBytesMax = 2 ** 18;

async function headOf(content: Content): Promise<Uint8Array> {
  if (content.bytes !== undefined) return content.bytes;
  let head = Buffer.alloc(0);
  for await (const bytes of content.read()) {
    head = Buffer.concat([head, bytes]);
    if (headerEndWithin(head) !== undefined || head.length > headBytesMax) break;
  }
  return head;
}
