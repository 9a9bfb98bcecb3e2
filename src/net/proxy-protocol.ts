// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): a load balancer
// says in front of everything who the client is. Whoever may say so can be anybody, so only named
// networks are asked; what others send is never looked at. Parsing is pure and total; receiving has a
// deadline and a bound, and gives back what came behind the header.

import type { Socket } from 'node:net';
import { isIPv4, isIPv6 } from 'node:net';
import { timerDelayMsMax } from '../base/clock.ts';
import { plainAddress } from '../base/ip-address.ts';
import type { Endpoint } from './peer.ts';

/** Both ends as the proxy knows them. */
export interface ProxiedEndpoints {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

export type ProxyHeader =
  /** Not complete yet. */
  | { readonly kind: 'more' }
  | {
      readonly kind: 'header';
      /** undefined for LOCAL and UNKNOWN: the connection is the proxy's own, as it is. */
      readonly endpoints: ProxiedEndpoints | undefined;
      readonly bytes: number;
    }
  | { readonly kind: 'bad'; readonly problem: string };

export interface ProxyRules {
  /** Whether this address is a proxy of ours, whose word counts. */
  readonly isProxy: (address: string) => boolean;
  /** For the whole header, from the connection on. */
  readonly timeoutMs: number;
  /** Limit: connections of proxies that have not said yet whose they are. Default: 1000. */
  readonly unnamedMax?: number | undefined;
  /** What becomes of those who are no proxies. Default: they are served, as who they are. */
  readonly others?: 'serve' | 'refuse' | undefined;
  /** Somebody sent no header that can be used, or is none of the proxies. Default: a warning in the log. */
  readonly onRefused?: ((address: string, reason: string) => void) | undefined;
}

/** Somebody looked whether we are there, as load balancers do every few seconds. */
export class SilentProxy extends Error {
  override readonly name = 'SilentProxy';
}

/** §2.1: "108 bytes is always enough", with CRLF. */
const textBytesMax = 107;
/** Limit: §2.2 allows 65,535 for addresses and TLVs; proxies send some hundreds. */
const binaryBytesMax = 4096;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const more: ProxyHeader = { kind: 'more' };
const bad = (problem: string): ProxyHeader => ({ kind: 'bad', problem });

/** What a connection begins with, as far as it has come. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return more;
  if (bytes[0] === signature[0]) return parseBinary(bytes);
  const start = bytes.toString('latin1', 0, 6);
  return 'PROXY '.startsWith(start) || start === 'PROXY '
    ? parseText(bytes)
    : bad('no PROXY header');
}

// §2.1: "PROXY" SP protocol SP source SP destination SP source port SP destination port CRLF
const textLine = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;

function parseText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, textBytesMax).indexOf('\r\n');
  if (end === -1) return bytes.length < textBytesMax ? more : bad('a PROXY line that does not end');
  const line = bytes.toString('latin1', 0, end);
  // "the receiver must ignore anything presented before the CRLF" after UNKNOWN.
  if (/^PROXY UNKNOWN(?: |$)/.test(line))
    return { kind: 'header', endpoints: undefined, bytes: end + 2 };
  const [, family, source = '', destination = '', ...ports] = textLine.exec(line) ?? [];
  const isAddress =
    family === 'TCP4' ? isIPv4 : (text: string) => isIPv6(text) && !text.includes('%');
  const [from = 0, to = 0] = ports.map(Number);
  if (
    family === undefined ||
    !isAddress(source) ||
    !isAddress(destination) ||
    from > 65_535 ||
    to > 65_535
  )
    return bad('a PROXY line that makes no sense');
  // Field: HAProxy writes the IPv4 clients of a port for both families as IPv6 addresses.
  const endpoints = {
    remote: { address: plainAddress(source), port: from },
    local: { address: plainAddress(destination), port: to },
  };
  return { kind: 'header', endpoints, bytes: end + 2 };
}

// §2.2: signature, version and command, family and protocol, length, addresses, TLVs
function parseBinary(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, known).equals(signature.subarray(0, known))) return bad('no PROXY header');
  if (bytes.length < 16) return more;
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 0xf];
  if (version !== 2 || command > 1) return bad('a PROXY header of another version');
  const length = bytes.readUInt16BE(14);
  if (length > binaryBytesMax) return bad('a PROXY header that is too long');
  const end = 16 + length;
  if (bytes.length < end) return more;
  const header = bytes.subarray(0, end);
  const family = header[13]!;
  // "LOCAL: the receiver must use the real connection endpoints"; AF_UNSPEC and AF_UNIX have no address.
  const isLocal = command === 0 || family >> 4 === 0 || family >> 4 === 3;
  const sizes = new Map([
    [0x11, 4],
    [0x21, 16],
  ]);
  const size = sizes.get(family);
  if (!isLocal && (size === undefined || length < 2 * size + 4))
    return bad('a PROXY header without TCP addresses');
  if (!isChecksumRight(header, isLocal ? 16 : 16 + 2 * size! + 4, command === 0))
    return bad('a PROXY header with a wrong checksum');
  return {
    kind: 'header',
    endpoints: isLocal ? undefined : binaryEndpoints(header, size!),
    bytes: end,
  };
}

function binaryEndpoints(header: Buffer, size: number): ProxiedEndpoints {
  const ports = 16 + 2 * size;
  const at = (start: number, port: number): Endpoint => ({
    address: addressText(header.subarray(start, start + size)),
    port: header.readUInt16BE(port),
  });
  return { remote: at(16, ports), local: at(16 + size, ports + 2) };
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16));
  // The URL parser writes IPv6 addresses in their one canonical form (RFC 5952).
  return plainAddress(new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1));
}

const checksumTlv = 0x03;

/** §2.2.3: PP2_TYPE_CRC32C, over the whole header with its own four octets as zeros. */
function isChecksumRight(header: Buffer, tlvs: number, isLocal: boolean): boolean {
  if (isLocal) return true; // what follows is not looked at
  for (let at = tlvs; at + 3 <= header.length; ) {
    const length = header.readUInt16BE(at + 1);
    if (header[at] === checksumTlv) {
      if (length !== 4 || at + 7 > header.length) return false;
      const zeroed = Buffer.from(header);
      zeroed.fill(0, at + 3, at + 7);
      return crc32c(zeroed) === header.readUInt32BE(at + 3);
    }
    at += 3 + length;
  }
  return true;
}

/** Castagnoli's polynomial, bit by bit: headers are short. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of bytes) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * Takes the header off an accepted socket, which is paused then with the rest in it.
 * @throws SilentProxy when the connection ends before anything was said; Error for everything else. It is
 * for the owner to close.
 */
export function receiveProxyHeader(
  socket: Socket,
  timeoutMs: number,
): Promise<ProxiedEndpoints | undefined> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const over = () => {
      clearTimeout(timer);
      socket.off('data', take).off('end', ended).off('close', closed).off('error', ended);
      socket.pause();
    };
    const failed = (error: Error) => {
      over();
      reject(error);
    };
    const ended = (error?: Error) =>
      failed(
        seen.length === 0
          ? new SilentProxy('nothing was said', { cause: error })
          : new Error('the connection ended before its PROXY header', { cause: error }),
      );
    const closed = () => ended();
    const take = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const header = parseProxyHeader(seen);
      if (header.kind === 'more') return;
      if (header.kind === 'bad') return failed(new Error(header.problem));
      over();
      if (seen.length > header.bytes) socket.unshift(seen.subarray(header.bytes));
      resolve(header.endpoints);
    };
    const timer = setTimeout(
      () => failed(new Error(`no PROXY header within ${timeoutMs} ms`)),
      Math.min(timeoutMs, timerDelayMsMax),
    );
    socket.on('data', take).on('end', ended).on('close', closed).on('error', ended);
  });
}
