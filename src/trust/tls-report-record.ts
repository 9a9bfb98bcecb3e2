// Where a domain wants reports about TLS: RFC 8460 §3.

import { trimmed } from './tag-list.ts';

export type TlsReportDestination =
  | { readonly kind: 'mailto'; readonly address: string }
  | { readonly kind: 'https'; readonly url: string };

/** Limit: of one record. */
const destinationsMax = 5;

/** `texts` are all TXT records at `_smtp._tls`; [] where the domain wants none. */
export function tlsReportDestinations(texts: readonly string[]): readonly TlsReportDestination[] {
  // RFC 8460 §3: others are discarded; several are none.
  const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  const fields = records.length === 1 ? records[0]!.split(';').map(trimmed) : [];
  // Its grammar, unlike that of DKIM, has rua more than once.
  const uris = fields.flatMap((field) => /^rua[ \t]*=(.*)$/s.exec(field)?.[1]?.split(',') ?? []);
  return uris.slice(0, destinationsMax).flatMap((uri) => destinationOf(uri.trim()) ?? []);
}

function destinationOf(uri: string): TlsReportDestination | undefined {
  const [, mailto] = /^mailto:([^!?,\s]+@[^!?,\s]+)/i.exec(uri) ?? [];
  try {
    if (mailto !== undefined) return { kind: 'mailto', address: decodeURIComponent(mailto) };
  } catch {
    return undefined;
  }
  const url = URL.parse(uri);
  return url?.protocol === 'https:' ? { kind: 'https', url: url.href } : undefined;
}
