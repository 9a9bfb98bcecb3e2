// Certificates made here, so that TLS works before anybody has bought or fetched one: X.509 version 3
// (RFC 5280) with an ECDSA P-256 key, written in DER by the few functions below. What is made is
// self-signed for the server's own names; `issuer` lets tests build chains with the same code.

import type { KeyObject } from 'node:crypto';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface CertificateRequest {
  /** Common name of the subject. */
  readonly commonName: string;
  /** Subject alternative names: DNS names, IP addresses, e-mail addresses (they hold an `@`). */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** May sign other certificates. */
  readonly authority?: boolean;
  /** How many authorities may stand between it and the end. RFC 5280 §4.2.1.9. */
  readonly pathLength?: number;
  /** Who signs; itself when absent. */
  readonly issuer?: { readonly commonName: string; readonly privateKey: KeyObject };
}

export interface IssuedCertificate {
  readonly commonName: string;
  readonly certificate: string;
  readonly privateKeyPem: string;
  readonly privateKey: KeyObject;
}

/** A new key and a certificate for it, both as PEM. */
export function issueCertificate(request: CertificateRequest): IssuedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { commonName, issuer = { commonName, privateKey } } = request;
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const body = toBeSigned(request, issuer.commonName, publicKeyInfo);
  const signature = sign('sha256', body, issuer.privateKey);
  const bytes = sequence(body, ecdsaWithSha256, tlv(BIT_STRING, zero, signature));
  return {
    commonName,
    certificate: pem('CERTIFICATE', bytes),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
}

// DER tags: ITU-T X.690 §8, RFC 5280 appendix A.
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const context = (number: number, constructed: boolean) => 0x80 | (constructed ? 0x20 : 0) | number;

const zero = Buffer.of(0);
const yes = Buffer.of(0xff);
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

// RFC 5280 §4.1: TBSCertificate.
function toBeSigned(request: CertificateRequest, issuer: string, publicKeyInfo: Buffer): Buffer {
  const { commonName, notBefore, notAfter } = request;
  // RFC 5280 §4.1.2.2: a serial number is positive and has at most 20 octets.
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return sequence(
    tlv(context(0, true), tlv(INTEGER, Buffer.of(2))),
    tlv(INTEGER, serial),
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(commonName),
    publicKeyInfo,
    tlv(context(3, true), sequence(...extensions(request, publicKeyInfo))),
  );
}

// RFC 5280 §4.2.1.
function extensions(
  { authority = false, pathLength, names }: CertificateRequest,
  keyInfo: Buffer,
): Buffer[] {
  const length = pathLength === undefined ? [] : [tlv(INTEGER, Buffer.of(pathLength))];
  const keyId = createHash('sha1').update(keyInfo.subarray(-65)).digest();
  const usage = authority ? Buffer.of(1, 0x06) : Buffer.of(7, 0x80); // keyCertSign + cRLSign, or sign
  return [
    extension('2.5.29.19', true, authority ? sequence(tlv(BOOLEAN, yes), ...length) : sequence()),
    extension('2.5.29.15', true, tlv(BIT_STRING, usage)),
    extension('2.5.29.14', false, tlv(OCTET_STRING, keyId)),
    ...(authority
      ? []
      : [extension('2.5.29.37', false, sequence(oid(serverAuth), oid(clientAuth)))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names.map(altName)))]),
  ];
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(BOOLEAN, yes)] : [];
  return sequence(oid(id), ...flag, tlv(OCTET_STRING, value));
}

// RFC 5280 §4.2.1.6: GeneralName.
function altName(name: string): Buffer {
  if (isIP(name) !== 0) return tlv(context(7, false), addressBytes(name));
  return tlv(context(name.includes('@') ? 1 : 2, false), Buffer.from(name, 'ascii'));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((w) => parseInt(w, 16)));
  const first = words(head);
  const last = tail === undefined ? [] : words(tail);
  const groups = [...first, ...Array(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(groups.flatMap((group: number) => [group >> 8, group & 0xff]));
}

const distinguishedName = (commonName: string): Buffer =>
  sequence(
    tlv(SET, sequence(oid('2.5.4.3'), tlv(UTF8_STRING, Buffer.from(commonName.slice(0, 64))))),
  );

// RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on.
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? tlv(UTC_TIME, Buffer.from(text.slice(2)))
    : tlv(GENERALIZED_TIME, Buffer.from(text));
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tlv(SEQUENCE, ...parts);
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), value]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), value]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), value]);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tlv(OID, Buffer.from(bytes));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
