// TLS on our listeners, and what is known of any TLS connection. Versions and cipher suites by
// RFC 9325; certificates from PEM files or made here ('self-signed'); channel bindings by RFC 9266
// and RFC 5929. A new certificate is swapped in under running listeners: connections that are open
// keep theirs, and one that cannot be used changes nothing.

import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SecureContext, TLSSocket, TLSSocketOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { isPem, secretPath } from '../base/secret.ts';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import { checkLifetime } from './certificate-check.ts';
import { certificateNames } from './certificate-names.ts';
import { handshakeTookMs } from './handshake.ts';
import { loadSelfSigned } from './self-signed.ts';

/** The certificate cannot be used; the message says which file, why and what to do. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly code = 'BAD_CERTIFICATE';
}

/** A PEM file by its name, or what is in one: text or octets, as node:tls takes them. */
export type PemSource = string | Uint8Array;

export interface CertificateSource {
  /** Our certificate, then the intermediate ones. */
  readonly certificate: PemSource;
  readonly privateKey: PemSource;
  /** Of the private key, if it has one. */
  readonly passphrase?: string | undefined;
}

/** Our certificates, or one of our own making. */
export type TlsSource = 'self-signed' | CertificateSource | readonly CertificateSource[];

interface Pair {
  /** PEM text. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly passphrase?: string | undefined;
}

interface Material extends Pair {
  /** More of them, for other names: which one a client gets is decided by its SNI (RFC 6066 §3). */
  readonly others?: readonly Pair[];
  /**
   * PEM text: who may have signed client certificates. Clients are asked for one then; one that is bad or missing does
   * not end the connection.
   */
  readonly clientCa: string | undefined;
}

export interface LoadOptions {
  /** Where the self-signed certificate is kept. */
  readonly directory: string;
  /** The first name in the self-signed certificate. */
  readonly hostname: string;
  /** The authorities of client certificates; without them clients are not asked. */
  readonly clientAuthorities?: PemSource | undefined;
}

export interface ServerTls {
  /** For `new TLSSocket(socket, …)`; always of the certificate in force now. */
  socketOptions(): TLSSocketOptions;
  /** The certificate in force: the first. */
  readonly certificate: X509Certificate;
  /** All of them. */
  readonly certificates: readonly X509Certificate[];
  /** What the operator should know: the certificate has expired, or will soon. */
  readonly warnings: readonly string[];
}

export interface LoadedServerTls extends ServerTls {
  /**
   * Reads the files again, or those of another source (SIGHUP, or daily: renews a self-signed one).
   * @throws TlsError: then the old one stays in force.
   */
  reload(source?: TlsSource, options?: LoadOptions): Promise<void>;
}

// RFC 9325 §4.2: ECDHE with an AEAD; TLS 1.3 has nothing else. Those with AES-256 come second since
// they cost more and 128 bits are enough; ChaCha20 is for clients without AES in hardware.
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** @throws TlsError naming the file. */
export async function loadServerTls(
  source: TlsSource,
  options: LoadOptions,
): Promise<LoadedServerTls> {
  const live = liveTls(await load(source, options));
  return Object.assign(live, {
    async reload(nextSource = source, nextOptions = options): Promise<void> {
      live.use(await load(nextSource, nextOptions));
      source = nextSource;
      options = nextOptions;
    },
  });
}

interface Prepared {
  readonly socketOptions: TLSSocketOptions;
  readonly certificates: readonly X509Certificate[];
  readonly warnings: readonly string[];
}

function liveTls(first: Prepared): ServerTls & { use(next: Prepared): void } {
  let now = first;
  return {
    socketOptions: () => now.socketOptions,
    get certificate() {
      return now.certificates[0]!;
    },
    get certificates() {
      return now.certificates;
    },
    get warnings() {
      return now.warnings;
    },
    use: (next) => {
      now = next;
    },
  };
}

async function load(source: TlsSource, options: LoadOptions): Promise<Prepared> {
  const { clientAuthorities } = options;
  const clientCa =
    clientAuthorities === undefined ? undefined : await readPem(clientAuthorities, 'certificate');
  const clientFrom = nameOf(clientAuthorities ?? '', 'the client authorities');
  if (source === 'self-signed') {
    const { path, certificate, privateKey } = await loadSelfSigned(options).catch(
      (error: unknown) => {
        throw new TlsError(`cannot keep a self-signed certificate: ${messageOf(error)}`);
      },
    );
    const from = [{ certificate: path, privateKey: path }];
    return prepare({ certificate, privateKey, clientCa }, from, clientFrom);
  }
  const sources = [source].flat() as readonly CertificateSource[];
  const [first, ...others] = await Promise.all(sources.map(readPair));
  if (first === undefined) throw new TlsError('there is no certificate in the list');
  const from = sources.map(({ certificate, privateKey }) => ({
    certificate: nameOf(certificate, 'the certificate'),
    privateKey: nameOf(privateKey, 'the private key'),
  }));
  return prepare({ ...first, others, clientCa }, from, clientFrom);
}

async function readPair({ certificate, privateKey, passphrase }: CertificateSource): Promise<Pair> {
  const [text, key] = await Promise.all([
    readPem(certificate, 'certificate'),
    readPem(privateKey, 'private key'),
  ]);
  return { certificate: text, privateKey: key, passphrase };
}

/** Where something comes from, for errors. */
interface From {
  readonly certificate: string;
  readonly privateKey: string;
}

function prepare(material: Material, from: readonly From[], clientFrom: string): Prepared {
  const { clientCa, others = [] } = material;
  if (clientCa !== undefined)
    attempt(
      `${clientFrom} has no certificate that can be read`,
      () => new X509Certificate(clientCa),
    );
  const [first, ...rest] = [material, ...others].map((pair, i) =>
    preparePair(pair, clientCa, from[i]!),
  );
  const all = [first!, ...rest];
  return {
    certificates: all.map(({ certificate }) => certificate),
    warnings: all.flatMap(({ warnings }) => warnings),
    socketOptions: {
      isServer: true,
      secureContext: first!.context,
      // RFC 6066 §3: who wants a name that none of them has gets the first, and can judge for itself.
      ...(rest.length > 0 && {
        SNICallback: (name, done) => done(null, forName(all, name)?.context),
      }),
      requestCert: clientCa !== undefined,
      // A client without a good certificate may still log in with a password.
      rejectUnauthorized: false,
    },
  };
}

/** The one that names it, rather than one with a wildcard that takes it in. */
const forName = (all: readonly PreparedPair[], name: string): PreparedPair | undefined =>
  all.find(({ names }) => names.has(name.toLowerCase())) ??
  all.find(({ certificate }) => certificate.checkHost(name));

interface PreparedPair {
  readonly certificate: X509Certificate;
  /** In lower case. */
  readonly names: ReadonlySet<string>;
  readonly warnings: readonly string[];
  readonly context: SecureContext;
}

/** Node's own errors for bad PEM name OpenSSL's routines; ours name the file. */
function preparePair(pair: Pair, clientCa: string | undefined, from: From): PreparedPair {
  const { passphrase } = pair;
  const certificate = attempt(
    `${from.certificate} has no certificate that can be read`,
    () => new X509Certificate(pair.certificate),
  );
  const hint =
    passphrase === undefined ? '; one with a passphrase needs it' : '; or the passphrase is wrong';
  const key = attempt(`${from.privateKey} has no private key that can be read${hint}`, () =>
    createPrivateKey({ key: pair.privateKey, ...(passphrase !== undefined && { passphrase }) }),
  );
  if (!certificate.checkPrivateKey(key))
    throw new TlsError(`the private key in ${from.privateKey} is not that of ${from.certificate}`);
  return {
    certificate,
    names: new Set(certificateNames(certificate).map((name) => name.toLowerCase())),
    warnings: warningsAbout(certificate, from.certificate),
    context: attempt(`${from.certificate} cannot be used`, () => context(pair, clientCa)),
  };
}

function context({ certificate, privateKey, passphrase }: Pair, clientCa?: string): SecureContext {
  return createSecureContext({
    cert: certificate,
    key: privateKey,
    ...(passphrase !== undefined && { passphrase }),
    minVersion: 'TLSv1.2', // RFC 9325 §3.1.1
    ciphers,
    honorCipherOrder: true,
    // RFC 9325 §3.5: renegotiation has no use here. RFC 9266 §4.2: channel bindings need it off.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // Tickets (RFC 5077, RFC 8446 §4.6.1) are on by default; with client certificates the library
    // takes a session back only where this says that it was meant for the same use.
    sessionIdContext: 'postrider',
    ...(clientCa !== undefined && { ca: clientCa }),
  });
}

function warningsAbout(certificate: X509Certificate, from: string): readonly string[] {
  const lifetime = checkLifetime(certificate);
  return lifetime === undefined ? [] : [`${from} ${lifetime.message}`];
}

async function readPem(source: PemSource, what: 'certificate' | 'private key'): Promise<string> {
  if (typeof source !== 'string' || isPem(source)) {
    const text = typeof source === 'string' ? source : Buffer.from(source).toString('latin1');
    if (!isPem(text)) throw new TlsError(`the ${what} is not in PEM: no line "-----BEGIN …"`);
    return text;
  }
  const name = secretPath(source);
  let text: string;
  try {
    text = await readFile(source, 'latin1');
  } catch (error) {
    throw new TlsError(`cannot read the ${what} from ${name}: ${messageOf(error)}`);
  }
  if (!isPem(text))
    throw new TlsError(`${name} is not a PEM file: it has no line "-----BEGIN …", so no ${what}`);
  return text;
}

/** What an error may call it: never what is in it. */
const nameOf = (source: PemSource, otherwise: string): string =>
  typeof source === 'string' && source !== '' && !isPem(source) ? secretPath(source) : otherwise;

function attempt<T>(problem: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new TlsError(`${problem}: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'permission denied';
  // Node's own words quote the name of the file.
  return code === undefined ? error.message : `it failed with ${code}`;
};

/** What is known of a connection once its handshake is done; of either side. */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  const ours = socket.getX509Certificate();
  const peer = socket.getPeerX509Certificate();
  const isServer = socket.getEphemeralKeyInfo() === null; // documented: null on a server's socket
  const problem = isServer ? clientProblem(socket) : socket.authorizationError;
  const verified = isServer ? peer !== undefined && problem === undefined : socket.authorized;
  const protocol = socket.getProtocol() ?? '';
  const { servername } = socket as { servername?: unknown };
  const endPoint = isServer ? ours : peer;
  return {
    protocol,
    cipher: socket.getCipher()?.standardName ?? '', // a socket that is gone has none
    verified,
    peerNames: peer === undefined ? [] : certificateNames(peer),
    servername: typeof servername === 'string' && servername !== '' ? servername : undefined,
    resumed: socket.isSessionReused(),
    handshakeTookMs: handshakeTookMs(socket),
    verifyError: peer === undefined || verified ? undefined : wordsOf(problem),
    channelBinding: (type) =>
      type === 'tls-exporter' ? exporter(socket, protocol) : serverEndPoint(endPoint),
  };
}

/**
 * Why a client's certificate is not good. Node tells it only to the listeners of its own TLS server;
 * a TLSSocket that was put over a connection (STARTTLS) has to be asked below its public face. When
 * that is not there, no certificate is good.
 */
function clientProblem(socket: TLSSocket): unknown {
  const { ssl } = socket as { ssl?: { verifyError?: () => Error | null | undefined } | null };
  if (typeof ssl?.verifyError !== 'function') return 'certificate could not be checked';
  return ssl.verifyError() ?? undefined;
}

function wordsOf(problem: unknown): string {
  if (problem instanceof Error) return (problem as NodeJS.ErrnoException).code ?? problem.message;
  return String(problem ?? 'certificate not trusted');
}

// RFC 9266 §2. Deviation: with TLS 1.2 it is defined only where the extended master secret was
// negotiated, which the runtime does not tell; so it is given for TLS 1.3 alone.
function exporter(socket: TLSSocket, protocol: string): Uint8Array | undefined {
  if (protocol !== 'TLSv1.3') return undefined;
  try {
    return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  } catch {
    return undefined; // the connection is gone
  }
}

// RFC 5929 §4.1: the hash of the certificate's signature, SHA-256 in place of MD5 and SHA-1.
const endPointHashes: readonly (readonly [RegExp, string])[] = [
  [/(?:md5|sha-?1)(?!\d)/i, 'sha256'],
  [/sha-?256/i, 'sha256'],
  [/sha-?384/i, 'sha384'],
  [/sha-?512(?!-)/i, 'sha512'],
];

/** undefined where the signature has no hash of its own (Ed25519) or hides it (RSASSA-PSS). */
function serverEndPoint(certificate: X509Certificate | undefined): Uint8Array | undefined {
  const algorithm = certificate?.signatureAlgorithm;
  if (certificate === undefined || algorithm === undefined) return undefined;
  const hash = endPointHashes.find(([pattern]) => pattern.test(algorithm))?.[1];
  return hash === undefined ? undefined : createHash(hash).update(certificate.raw).digest();
}
