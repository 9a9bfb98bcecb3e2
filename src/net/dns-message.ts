// DNS messages: the question we ask, and what an answer to it says. RFC 1035 §4, RFC 6891 (EDNS),
// RFC 2308 (negative answers). The codec is dns-packet; it throws on garbage, readAnswer() does not:
// every datagram is an answer to the question, a failure of the server, or not meant for us.

import { isIP } from 'node:net';
import type { Answer as AnyRecord } from 'dns-packet';
import * as packet from 'dns-packet';
import type { RecordOf, RecordType } from '../dns/resolver.ts';

export interface DnsQuestion {
  readonly id: number;
  /** As queryName() gives it. */
  readonly name: string;
  readonly type: RecordType;
}

/** What one answer says; TTLs are in seconds. */
export type DnsReading =
  /** Not an answer to this question: somebody else's, or forged. */
  | { readonly kind: 'foreign' }
  /** RFC 1035 §4.1.1 TC: ask again over TCP. */
  | { readonly kind: 'truncated' }
  /** `code` is the RCODE's name, or says that the answer cannot be read. */
  | { readonly kind: 'failure'; readonly code: string }
  | {
      readonly kind: 'records';
      readonly records: readonly [unknown, ...unknown[]];
      readonly name: string;
      readonly ttl: number;
      readonly ad: boolean;
    }
  | {
      readonly kind: 'no-records' | 'no-domain';
      readonly ttl: number;
      readonly ad: boolean;
      /** Of a name that does not exist another one, which does, is an alias. */
      readonly isAlias?: true;
    }
  /** The server followed CNAMEs only so far: ask for this name. */
  | { readonly kind: 'alias'; readonly name: string; readonly ttl: number; readonly ad: boolean };

/** Limit: DNS Flag Day 2020's size, which passes everywhere without fragments. */
const udpPayloadBytes = 1232;
const headerBytes = 12;
/** Limit: as many links as common resolvers follow. */
export const cnamesMax = 16;

export interface QueryOptions {
  /** EDNS is left out for servers that cannot read it. */
  readonly edns: boolean;
  /** DO: what DNSSEC has to say is wanted, because the AD bit will be believed. RFC 4035 §3.2.1. */
  readonly dnssec: boolean;
}

export function encodeQuery({ id, name, type }: DnsQuestion, options: QueryOptions): Buffer {
  // RFC 6840 §5.7: AD in a query asks for AD in the answer.
  const ad = options.dnssec ? packet.AUTHENTIC_DATA : 0;
  const opt = {
    type: 'OPT' as const,
    name: '.',
    udpPayloadSize: udpPayloadBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: options.dnssec ? packet.DNSSEC_OK : 0,
    flag_do: options.dnssec,
    options: [],
  };
  return packet.encode({
    type: 'query',
    id,
    flags: packet.RECURSION_DESIRED | ad,
    questions: [{ type, name, class: 'IN' }],
    additionals: options.edns ? [opt] : [],
  });
}

/** Never throws. */
export function readAnswer(bytes: Buffer, question: DnsQuestion): DnsReading {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== question.id)
    return { kind: 'foreign' };
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0;
  if (!isResponse) return { kind: 'foreign' };
  const rcode = flags & 0xf;
  const truncated = (flags & packet.TRUNCATED_RESPONSE) !== 0;
  try {
    if (bytes.readUInt16BE(4) > 0 && !isAbout(bytes, question)) return { kind: 'foreign' };
    if (truncated) return { kind: 'truncated' };
    // Field: refusals and format errors come with an empty question section.
    if (rcode !== 0 && rcode !== nxdomain) return { kind: 'failure', code: rcodeName(rcode) };
    if (bytes.readUInt16BE(4) !== 1) return { kind: 'foreign' };
    if (!isWhole(bytes)) return unreadable;
    return readSections(packet.decode(bytes), rcode, question);
  } catch {
    return unreadable;
  }
}

const unreadable: DnsReading = { kind: 'failure', code: 'an answer that cannot be read' };
const nxdomain = 3;
const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const rcodeName = (rcode: number): string => rcodeNames[rcode] ?? `RCODE ${rcode}`;

/** RFC 5452 §9.1: an answer repeats the question. RFC 4343 §2: names are compared without case. */
function isAbout(bytes: Buffer, { name, type }: DnsQuestion): boolean {
  const asked = packet.encode({ questions: [{ type, name, class: 'IN' }] }).subarray(headerBytes);
  const repeated = bytes.subarray(headerBytes, headerBytes + asked.length);
  if (repeated.length !== asked.length) return false;
  const lower = (part: Buffer) => part.toString('latin1').toLowerCase();
  return lower(repeated) === lower(asked);
}

/**
 * RFC 1035 §4.1.3: every record is there to its last octet. The codec takes what is left of one
 * that was cut, which would make a TLSA record or an address of another.
 */
function isWhole(bytes: Buffer): boolean {
  let at = headerBytes;
  const [questions, ...sections] = [4, 6, 8, 10].map((offset) => bytes.readUInt16BE(offset));
  for (let i = 0; i < questions!; i += 1) at = afterName(bytes, at) + 4;
  const records = sections.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < records; i += 1) {
    const fixed = afterName(bytes, at);
    const type = bytes.readUInt16BE(fixed);
    const length = bytes.readUInt16BE(fixed + 8);
    if (addressBytes.has(type) && addressBytes.get(type) !== length) return false;
    at = fixed + 10 + length;
    if (at > bytes.length) return false;
  }
  return true;
}

/** A and AAAA by their numbers. */
const addressBytes = new Map([
  [1, 4],
  [28, 16],
]);

/** RFC 1035 §4.1.4: a name ends with the root or a pointer. @throws RangeError beyond the end. */
function afterName(bytes: Buffer, start: number): number {
  let at = start;
  for (let length = bytes.readUInt8(at); length !== 0; length = bytes.readUInt8(at)) {
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return at + 1;
}

function readSections(
  { answers = [], authorities = [], flag_ad }: packet.DecodedPacket,
  rcode: number,
  { name, type }: DnsQuestion,
): DnsReading {
  const links = new Map<string, { readonly to: string; readonly ttl: number }>();
  for (const record of answers)
    if (record.type === 'CNAME' && type !== 'CNAME')
      links.set(plainName(record.name), { to: plainName(record.data), ttl: ttlOf(record) });
  let at = name;
  let ttl = Number.MAX_SAFE_INTEGER;
  for (let link = links.get(at), followed = 0; link !== undefined; link = links.get(at)) {
    followed += 1;
    if (followed > cnamesMax) return { kind: 'failure', code: 'CNAMEs without end' };
    ttl = Math.min(ttl, link.ttl);
    at = link.to;
  }
  const records: unknown[] = [];
  for (const record of answers) {
    if (record.type !== type || plainName(record.name) !== at) continue;
    const value = readers[type](record);
    // Half an answer is none: "no such records" would be final for somebody's mail.
    if (value === undefined) return unreadable;
    records.push(value);
    ttl = Math.min(ttl, ttlOf(record));
  }
  const [first, ...rest] = records;
  const ad = flag_ad;
  if (rcode === nxdomain) {
    const alias = at !== name && ({ isAlias: true } as const);
    return { kind: 'no-domain', ttl: negativeTtl(authorities, ttl), ad, ...alias };
  }
  if (first !== undefined) return { kind: 'records', records: [first, ...rest], name: at, ttl, ad };
  const hasSoa = authorities.some((record) => record.type === 'SOA');
  if (at !== name && !hasSoa) return { kind: 'alias', name: at, ttl, ad };
  return { kind: 'no-records', ttl: negativeTtl(authorities, ttl), ad };
}

/** RFC 2308 §5: the lesser of the SOA's TTL and its minimum; without a SOA it is not to be kept. */
function negativeTtl(authorities: readonly AnyRecord[], aliasTtl: number): number {
  for (const record of authorities)
    if (record.type === 'SOA') return Math.min(aliasTtl, ttlOf(record), record.data.minimum ?? 0);
  return 0;
}

/** RFC 2181 §8: with the most significant bit set it is zero. */
function ttlOf(record: AnyRecord): number {
  const ttl = 'ttl' in record ? (record.ttl ?? 0) : 0;
  return ttl > 0x7f_ff_ff_ff ? 0 : ttl;
}

/** Lower case, no final dot; the root is ''. */
const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** A record's data as dns/resolver.ts has it; undefined when it makes no sense. */
const readers: { readonly [K in RecordType]: (record: AnyRecord) => RecordOf[K] | undefined } = {
  A: (record) => (record.type === 'A' && isIP(record.data) === 4 ? record.data : undefined),
  AAAA: (record) => (record.type === 'AAAA' && isIP(record.data) === 6 ? record.data : undefined),
  MX: (record) =>
    record.type === 'MX'
      ? { preference: record.data.preference ?? 0, exchange: plainName(record.data.exchange) }
      : undefined,
  // RFC 7208 §3.3: the strings of a record are one, joined without spaces.
  TXT: (record) =>
    record.type === 'TXT'
      ? Buffer.concat([record.data].flat().map((part) => Buffer.from(part))).toString()
      : undefined,
  PTR: (record) => (record.type === 'PTR' ? plainName(record.data) : undefined),
  SRV: (record) =>
    record.type === 'SRV'
      ? {
          priority: record.data.priority ?? 0,
          weight: record.data.weight ?? 0,
          port: record.data.port,
          target: plainName(record.data.target),
        }
      : undefined,
  CNAME: (record) => (record.type === 'CNAME' ? plainName(record.data) : undefined),
  TLSA: (record) =>
    record.type === 'TLSA'
      ? {
          usage: record.data.usage,
          selector: record.data.selector,
          matching: record.data.matchingType,
          data: Uint8Array.from(record.data.certificate),
        }
      : undefined,
};
