// The certificate the server makes for itself, kept in the data directory so that clients who chose
// to trust it are not asked again at each start. Made anew a month before it expires, or when the
// server has got another name.

import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { issueCertificate } from './certificate.ts';

const dayMs = 24 * 60 * 60_000;
/** Limit: Apple's mail program accepts nothing longer, even where a user trusts it. */
const validMs = 825 * dayMs;
const renewBeforeMs = 30 * dayMs;

export interface SelfSigned {
  /** The file with both. */
  readonly path: string;
  readonly certificate: string;
  readonly privateKey: string;
}

export async function loadSelfSigned(options: {
  readonly directory: string;
  readonly hostname: string;
  /** Milliseconds since the epoch by the wall clock. */
  readonly now?: number;
}): Promise<SelfSigned> {
  const { directory, now = Date.now() } = options;
  const hostname = domainToASCII(options.hostname) || 'localhost';
  const path = join(directory, 'self-signed.pem');
  const kept = split(await readFile(path, 'latin1').catch(() => ''));
  if (kept !== undefined && isUsable(kept.certificate, hostname, now)) return { path, ...kept };
  const { certificate, privateKeyPem: privateKey } = issueCertificate({
    commonName: hostname,
    names: [...new Set([hostname, 'localhost', '127.0.0.1', '::1'])],
    // Clocks differ: a client that is an hour behind may use it at once.
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now - dayMs + validMs),
  });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, privateKey + certificate, { mode: 0o600 });
  await rename(draft, path); // both or neither: a key never meets another's certificate
  return { path, certificate, privateKey };
}

function split(text: string): Omit<SelfSigned, 'path'> | undefined {
  const at = text.indexOf('-----BEGIN CERTIFICATE-----');
  return at <= 0 ? undefined : { privateKey: text.slice(0, at), certificate: text.slice(at) };
}

function isUsable(pem: string, hostname: string, now: number): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return (
      certificate.validToDate.getTime() - renewBeforeMs > now &&
      certificate.checkHost(hostname) !== undefined
    );
  } catch {
    return false;
  }
}
