// XCLIENT: a proxy that is named in the configuration says for whom it speaks (postfix.org/XCLIENT_README.html).
// Offered to those alone. What it tells replaces what the connection shows, and the conversation
// begins anew with the greeting. Values are xtext; [UNAVAILABLE] and [TEMPUNAVAIL] say that there is none.

import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../../base/ip-address.ts';
import type { Extension } from './extension.ts';
import { decodeXtext } from './xtext.ts';

/** What a proxy tells of a client. Undefined: not spoken of; null: there is none, or it is not known. */
export interface ToldClient {
  readonly name?: string | null;
  readonly address?: string | null;
  readonly port?: number | null;
  /** The client said EHLO, not HELO. */
  readonly extended?: boolean;
  readonly hello?: string | null;
  /** Who has logged in there. */
  readonly login?: string | null;
  readonly localAddress?: string | null;
  readonly localPort?: number | null;
}

/** Limit: octets of a value, before it is decoded; as Postfix has it. */
const valueBytesMax = 255;

type Read<T> = (value: string) => T | undefined;

const whatever: Read<string> = (value) => value;
const address: Read<string> = (value) => {
  // Field: IPv6 addresses come with and without the tag of address literals (RFC 5321 §4.1.3).
  const bare = /^IPV6:/i.test(value) ? value.slice(5) : value;
  const isAddress = isIPv4(value) || (isIPv6(bare) && !bare.includes('%'));
  return isAddress ? plainAddress(bare.toLowerCase()) : undefined;
};
const port: Read<number> = (value) =>
  /^\d{1,5}$/.test(value) && Number(value) < 65_536 ? Number(value) : undefined;
const protocols: ReadonlyMap<string, boolean> = new Map([
  ['SMTP', false],
  ['ESMTP', true],
]);
const isEhlo: Read<boolean> = (value) => protocols.get(value.toUpperCase());

// A Map, not an object: the key comes from the peer.
const attributes = new Map<string, readonly [keyof ToldClient, Read<string | number | boolean>]>([
  ['NAME', ['name', whatever]],
  ['ADDR', ['address', address]],
  ['PORT', ['port', port]],
  ['PROTO', ['extended', isEhlo]],
  ['HELO', ['hello', whatever]],
  ['LOGIN', ['login', whatever]],
  ['DESTADDR', ['localAddress', address]],
  ['DESTPORT', ['localPort', port]],
]);

const isNone = (value: string): boolean => /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(value);

/** `NAME=VALUE …` as the command has it; undefined when it makes no sense. */
export function parseToldClient(text: string): ToldClient | undefined {
  const told = new Map<string, string | number | boolean | null>();
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const equals = word.indexOf('=');
    const written = word.slice(equals + 1);
    const [key, read] = attributes.get(word.slice(0, Math.max(equals, 0)).toUpperCase()) ?? [];
    if (key === undefined || written === '' || written.length > valueBytesMax || told.has(key))
      return undefined;
    const decoded = decodeXtext(written);
    const isUnknown = key !== 'extended' && decoded !== undefined && isNone(decoded);
    const value = isUnknown ? null : decoded && read!(decoded);
    if (value === undefined || value === '') return undefined;
    told.set(key, value);
  }
  return told.size === 0 ? undefined : (Object.fromEntries(told) as ToldClient);
}

export const xclient = {
  keyword: 'XCLIENT',
  advertise: ({ xclient = false }) => (xclient ? [...attributes.keys()].join(' ') : undefined),
} as const satisfies Extension;
