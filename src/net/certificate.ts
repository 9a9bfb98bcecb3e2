// Certificates made here, so that TLS works before anybody has bought or fetched one: X.509 version 3
// (RFC 5280) with an ECDSA P-256 key. What is made is self-signed for the server's own names; `issuer` lets
// tests build chains with the same code. And the requests that an authority makes certificates of (RFC 2986).

import type { KeyObject } from 'node:crypto';
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { addressOctets } from '../base/ip-address.ts';
import { context, oid, pem, sequence, tags, tlv } from './der.ts';

export interface CertificateRequest {
  /** Common name of the subject. */
  readonly commonName: string;
  /** Subject alternative names: DNS names, IP addresses, e-mail addresses (they hold an `@`). */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** May sign other certificates. */
  readonly authority?: boolean;
  /** The answer to an authority's challenge: RFC 8737 §3. */
  readonly acmeIdentifier?: Uint8Array;
  /** How many authorities may stand between it and the end. RFC 5280 §4.2.1.9. */
  readonly pathLength?: number;
  /** Who signs; itself when absent. */
  readonly issuer?: { readonly commonName: string; readonly privateKey: KeyObject };
  /** Whose it is, as a SubjectPublicKeyInfo; of a new key when absent. */
  readonly publicKeyInfo?: Buffer;
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
  const { publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' }) } = request;
  const body = toBeSigned(request, issuer.commonName, publicKeyInfo);
  const signature = sign('sha256', body, issuer.privateKey);
  const bytes = sequence(body, ecdsaWithSha256, tlv(tags.bitString, zero, signature));
  return {
    commonName,
    certificate: pem('CERTIFICATE', bytes),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
}

/** RFC 2986 §4: in DER. The names are all of it: who we are an authority does not believe anyway. */
export function certificateRequest(names: readonly string[], privateKey: KeyObject): Buffer {
  const publicKeyInfo = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const wanted = sequence(subjectAltName(names));
  // RFC 2985 §5.4.2: extensionRequest
  const attribute = sequence(oid('1.2.840.113549.1.9.14'), tlv(tags.set, wanted));
  const body = sequence(
    tlv(tags.integer, zero),
    sequence(),
    publicKeyInfo,
    tlv(context(0, true), attribute),
  );
  return sequence(
    body,
    ecdsaWithSha256,
    tlv(tags.bitString, zero, sign('sha256', body, privateKey)),
  );
}

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
    tlv(context(0, true), tlv(tags.integer, Buffer.of(2))),
    tlv(tags.integer, serial),
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
  { authority = false, pathLength, names, acmeIdentifier, issuer }: CertificateRequest,
  keyInfo: Buffer,
): Buffer[] {
  const length = pathLength === undefined ? [] : [tlv(tags.integer, Buffer.of(pathLength))];
  const usage = authority ? Buffer.of(1, 0x06) : Buffer.of(7, 0x80); // keyCertSign + cRLSign, or sign
  return [
    extension(
      '2.5.29.19',
      true,
      authority ? sequence(tlv(tags.boolean, yes), ...length) : sequence(),
    ),
    extension('2.5.29.15', true, tlv(tags.bitString, usage)),
    extension('2.5.29.14', false, tlv(tags.octetString, keyId(keyInfo))),
    ...(issuer === undefined ? [] : [authorityKey(issuer.privateKey)]),
    ...(authority
      ? []
      : [extension('2.5.29.37', false, sequence(oid(serverAuth), oid(clientAuth)))]),
    ...(names.length === 0 ? [] : [subjectAltName(names)]),
    ...(acmeIdentifier === undefined
      ? []
      : [extension(idPeAcmeIdentifier, true, tlv(tags.octetString, acmeIdentifier))]),
  ];
}

/** RFC 5280 §4.2.1.2, of a P-256 key: the point is the end of it. */
const keyId = (keyInfo: Buffer): Buffer =>
  createHash('sha1').update(keyInfo.subarray(-65)).digest();

function authorityKey(privateKey: KeyObject): Buffer {
  const keyInfo = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return extension('2.5.29.35', false, sequence(tlv(context(0, false), keyId(keyInfo))));
}

const subjectAltName = (names: readonly string[]): Buffer =>
  extension('2.5.29.17', false, sequence(...names.map(altName)));

/** RFC 8737 §3 */
const idPeAcmeIdentifier = '1.3.6.1.5.5.7.1.31';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(tags.boolean, yes)] : [];
  return sequence(oid(id), ...flag, tlv(tags.octetString, value));
}

// RFC 5280 §4.2.1.6: GeneralName.
function altName(name: string): Buffer {
  const address = addressOctets(name);
  if (address !== undefined) return tlv(context(7, false), address);
  return tlv(context(name.includes('@') ? 1 : 2, false), Buffer.from(name, 'ascii'));
}

const distinguishedName = (commonName: string): Buffer =>
  sequence(
    tlv(
      tags.set,
      sequence(oid('2.5.4.3'), tlv(tags.utf8String, Buffer.from(commonName.slice(0, 64)))),
    ),
  );

// RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on.
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? tlv(tags.utcTime, Buffer.from(text.slice(2)))
    : tlv(tags.generalizedTime, Buffer.from(text));
}
