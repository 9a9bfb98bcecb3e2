// DANE: whether the certificates that a server presents are what its TLSA records vouch for. RFC 6698
// §2.1, RFC 7671 §5 and §9, RFC 7672 §3. A function of certificates, records, names and the time;
// whether the records themselves can be believed is for whoever looked them up.

import type { X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { TlsaRecord } from '../dns/resolver.ts';

export interface TlsaQuestion {
  /** The server's own certificate first; the others in any order. */
  readonly presented: readonly X509Certificate[];
  readonly records: readonly TlsaRecord[];
  /** For DANE-TA(2): RFC 7672 §3.2.2. */
  readonly names: readonly string[];
  /** Certificates live by the wall clock. */
  readonly now: number;
}

const daneTa = 2;
const daneEe = 3;
const full = 0;
const digests: ReadonlyMap<number, { readonly name: string; readonly bytes: number }> = new Map([
  [1, { name: 'sha256', bytes: 32 }],
  [2, { name: 'sha512', bytes: 64 }],
]);

/**
 * RFC 7672 §3.1.3: usages 0 and 1 are of no use between mail servers. Where records are there and
 * none of them can be used, TLS is demanded all the same (§2.2).
 */
export const isUsable = ({ usage, selector, matching, data }: TlsaRecord): boolean =>
  (usage === daneTa || usage === daneEe) &&
  (selector === 0 || selector === 1) &&
  (matching === full ? data.length > 0 : digests.get(matching)?.bytes === data.length);

/** RFC 7672 §3.1.1: what servers are advised to publish, of the key alone, by SHA-256. */
export function daneEeRecord(certificate: X509Certificate): TlsaRecord {
  const kind = { usage: daneEe, selector: 1, matching: 1 };
  return { ...kind, data: Buffer.from(associated(certificate, kind), 'latin1') };
}

/** What is wrong, as the runtime would call it (or `TLSA_MISMATCH`), and in words for people. */
export interface TlsaProblem {
  readonly code: 'TLSA_MISMATCH' | 'CERT_HAS_EXPIRED' | 'ERR_TLS_CERT_ALTNAME_INVALID';
  readonly text: string;
}

const mismatch = (text: string): TlsaProblem => ({ code: 'TLSA_MISMATCH', text });

/** Undefined when the server is who it should be. */
export function tlsaProblem({
  presented,
  records,
  names,
  now,
}: TlsaQuestion): TlsaProblem | undefined {
  const [own, ...others] = presented;
  if (own === undefined) return mismatch('the server has no certificate');
  const usable = strongest(records.filter(isUsable));
  // RFC 7672 §3.1.1: names and dates count for nothing.
  const ends = associations(usable, daneEe);
  if (ends.match(own)) return undefined;
  const anchors = associations(usable, daneTa);
  if (anchors.none) return mismatch('no TLSA record matches the certificate');
  if (!leadsToAnchor(own, others, { anchors, now }))
    return mismatch('no TLSA record matches the certificate or one that vouches for it');
  if (!isCurrent(own, now))
    return { code: 'CERT_HAS_EXPIRED', text: 'the certificate is not valid at this time' };
  // RFC 7672 §3.2.3: a wildcard is a whole label; the common name counts where there is no other.
  const options = { partialWildcards: false, multiLabelWildcards: false } as const;
  if (names.some((name) => own.checkHost(name, options) !== undefined)) return undefined;
  const text = `the certificate is not for ${names.join(' or ')}`;
  return { code: 'ERR_TLS_CERT_ALTNAME_INVALID', text };
}

/**
 * RFC 7671 §9: of the digests of one usage and selector only the strongest count, so that a weak one
 * that is published for old clients does not weaken the others. Full data has no digest.
 */
function strongest(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  const best = new Map<string, number>();
  const group = ({ usage, selector }: TlsaRecord) => `${usage} ${selector}`;
  for (const record of records)
    best.set(group(record), Math.max(record.matching, best.get(group(record)) ?? full));
  return records.filter(
    (record) => record.matching === full || record.matching === best.get(group(record)),
  );
}

interface Associations {
  readonly none: boolean;
  match(certificate: X509Certificate): boolean;
}

/**
 * The records of one usage. A certificate is hashed once for each selector and digest, not once for each
 * record: of those there may be more than a thousand in one answer.
 */
function associations(records: readonly TlsaRecord[], usage: number): Associations {
  const wanted = new Map<string, { readonly sample: TlsaRecord; readonly values: Set<string> }>();
  for (const record of records) {
    if (record.usage !== usage) continue;
    const form = `${record.selector} ${record.matching}`;
    const value = Buffer.from(record.data).toString('latin1');
    const known = wanted.get(form);
    if (known === undefined) wanted.set(form, { sample: record, values: new Set([value]) });
    else known.values.add(value);
  }
  const forms = [...wanted.values()];
  return {
    none: forms.length === 0,
    match: (certificate) =>
      forms.some(({ sample, values }) => values.has(associated(certificate, sample))),
  };
}

function associated(
  certificate: X509Certificate,
  { selector, matching }: Pick<TlsaRecord, 'selector' | 'matching'>,
): string {
  const selected =
    selector === 0
      ? certificate.raw
      : certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = digests.get(matching);
  const value = digest === undefined ? selected : createHash(digest.name).update(selected).digest();
  return value.toString('latin1');
}

interface Anchors {
  readonly anchors: Associations;
  readonly now: number;
}

/** Limit: chains in use have three or four; what hostile servers send has to end, too. */
const certificatesMax = 16;
/** Limit: signatures that are checked; a chain in order needs one for each certificate. Of a hostile key one takes 10 ms. */
const checksMax = 32;

/** RFC 7671 §5.2: level by level, each certificate is looked at once, on its shortest way. */
function leadsToAnchor(
  own: X509Certificate,
  others: readonly X509Certificate[],
  { anchors, now }: Anchors,
): boolean {
  const left = new Set(others.slice(0, certificatesMax));
  let checks = 0;
  let level: readonly X509Certificate[] = [own];
  // RFC 5280 §4.2.1.9: how many authorities may stand between an authority and the end.
  for (let between = 0; level.length > 0; between += 1) {
    const above: X509Certificate[] = [];
    for (const certificate of level)
      for (const issuer of left) {
        if (!couldVouchFor(issuer, certificate) || !isCurrent(issuer, now)) continue;
        if (pathLengthOf(issuer) < between) continue;
        checks += 1;
        if (checks > checksMax) return false;
        if (!certificate.verify(issuer.publicKey)) continue;
        if (anchors.match(issuer)) return true;
        left.delete(issuer);
        above.push(issuer);
      }
    level = above;
  }
  return false;
}

const couldVouchFor = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer);

const isCurrent = ({ validFromDate, validToDate }: X509Certificate, now: number): boolean =>
  validFromDate.getTime() <= now && now <= validToDate.getTime();

// BasicConstraints as DER: the OID 2.5.29.19, critical or not, an OCTET STRING that holds a SEQUENCE
// of cA = TRUE and the number. The runtime tells of the first alone.
const basicConstraints =
  /\x06\x03\x55\x1d\x13(?:\x01\x01\xff)?\x04.\x30.\x01\x01\xff(?:\x02\x01([\x00-\x7f]))?/s;

function pathLengthOf({ raw }: X509Certificate): number {
  const length = basicConstraints.exec(raw.toString('latin1'))?.[1];
  return length === undefined ? Number.POSITIVE_INFINITY : length.charCodeAt(0);
}
