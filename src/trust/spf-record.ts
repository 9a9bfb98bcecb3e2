// The grammar of an SPF record: RFC 7208 §4.6.1, §5, §6 and §12. A record is right as a whole or not at all:
// one bad term makes all of it an error, whatever comes before.

import { isIPv4, isIPv6 } from 'node:net';
import { addressOctets } from '../base/ip-address.ts';
import { remembered } from '../base/remembered.ts';
import type { MacroString } from './spf-macro.ts';
import { endsAsDomain, parseMacroString } from './spf-macro.ts';

/** RFC 7208 §4.6.2 */
export type Qualifier = 'pass' | 'fail' | 'softfail' | 'neutral';

interface Prefixes {
  readonly ip4Bits: number;
  readonly ip6Bits: number;
}

export type Mechanism =
  | { readonly kind: 'all' }
  | { readonly kind: 'include' | 'exists'; readonly domain: MacroString }
  | ({ readonly kind: 'a' | 'mx'; readonly domain: MacroString | undefined } & Prefixes)
  | { readonly kind: 'ptr'; readonly domain: MacroString | undefined }
  | { readonly kind: 'ip4' | 'ip6'; readonly network: Uint8Array; readonly bits: number };

export interface Directive {
  readonly qualifier: Qualifier;
  readonly mechanism: Mechanism;
  /** As written, for people. */
  readonly text: string;
}

export interface SpfRecord {
  readonly directives: readonly Directive[];
  readonly redirect: MacroString | undefined;
  readonly explanation: MacroString | undefined;
}

/** The record is no SPF record; the message says which term is wrong. RFC 7208 §4.6: permerror. */
export class SpfSyntaxError extends Error {
  override readonly name = 'SpfSyntaxError';
}

/** RFC 7208 §4.5: the version ends with a space or the record; in upper or lower case. */
export const isSpfRecord = (text: string): boolean => /^v=spf1(?: |$)/i.test(text);

/** Limit: records that are at hand. @throws SpfSyntaxError */
export const readSpfRecord = remembered(1_000, parseSpfRecord);

/** @throws SpfSyntaxError */
function parseSpfRecord(text: string): SpfRecord {
  // RFC 7208 §3.1: records are US-ASCII; §4.6.1: only spaces are between terms.
  if (/[^\x20-\x7e]/.test(text)) throw new SpfSyntaxError('not US-ASCII');
  const directives: Directive[] = [];
  const modifiers = new Map<string, MacroString>();
  for (const term of text.slice('v=spf1'.length).split(' ')) {
    if (term === '') continue;
    const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/i.exec(term);
    if (modifier === null) directives.push(parseDirective(term));
    else addModifier(modifiers, term, modifier[1]!.toLowerCase(), modifier[2]!);
  }
  const redirect = modifiers.get('redirect');
  return { directives, redirect, explanation: modifiers.get('exp') };
}

function addModifier(
  modifiers: Map<string, MacroString>,
  term: string,
  ...[name, value]: readonly [name: string, value: string]
): void {
  if (name !== 'redirect' && name !== 'exp') {
    // RFC 7208 §6: modifiers that nobody knows are ignored, if they could be one.
    macroString(value, term);
    return;
  }
  // RFC 7208 §6: each at most once.
  if (modifiers.has(name)) throw new SpfSyntaxError(`${name} twice`);
  modifiers.set(name, domainSpec(value, term));
}

const qualifiers = new Map<string, Qualifier>([
  ['+', 'pass'],
  ['-', 'fail'],
  ['~', 'softfail'],
  ['?', 'neutral'],
]);

function parseDirective(text: string): Directive {
  const qualifier = qualifiers.get(text[0]!);
  const rest = qualifier === undefined ? text : text.slice(1);
  const match = /^([a-z][a-z0-9_.-]*)(:?)(.*)$/i.exec(rest);
  if (match === null) throw new SpfSyntaxError(`not a term: ${text}`);
  const [, name = '', colon, value = ''] = match;
  const argument = colon === '' && value === '' ? undefined : `${colon}${value}`;
  const mechanism = parseMechanism(name.toLowerCase(), argument, text);
  return { qualifier: qualifier ?? 'pass', mechanism, text };
}

/** `argument` is what comes behind the name, colon or slash included. */
function parseMechanism(name: string, argument: string | undefined, text: string): Mechanism {
  switch (name) {
    case 'all':
      if (argument !== undefined) throw new SpfSyntaxError(`all takes nothing: ${text}`);
      return { kind: 'all' };
    case 'include':
    case 'exists':
      return { kind: name, domain: domainSpec(behindColon(argument, text), text) };
    case 'a':
    case 'mx':
      return { kind: name, ...domainAndPrefixes(argument ?? '', text) };
    case 'ptr':
      return {
        kind: 'ptr',
        domain: argument === undefined ? undefined : domainSpec(behindColon(argument, text), text),
      };
    case 'ip4':
    case 'ip6':
      return { kind: name, ...network(name, behindColon(argument, text), text) };
    default:
      throw new SpfSyntaxError(`unknown mechanism: ${text}`);
  }
}

function behindColon(argument: string | undefined, text: string): string {
  if (argument === undefined || !argument.startsWith(':') || argument.length === 1)
    throw new SpfSyntaxError(`something is missing behind the name: ${text}`);
  return argument.slice(1);
}

/** RFC 7208 §5.6: `[":" domain-spec] ["/" bits] ["//" bits]` */
function domainAndPrefixes(argument: string, text: string) {
  const match = /^(.*?)(?:\/(\d+))?(?:\/\/(\d+))?$/.exec(argument)!;
  const [, domain = '', ip4, ip6] = match;
  return {
    domain: domain === '' ? undefined : domainSpec(behindColon(domain, text), text),
    ip4Bits: bitsOf(ip4, 32, text),
    ip6Bits: bitsOf(ip6, 128, text),
  };
}

function network(kind: 'ip4' | 'ip6', argument: string, text: string) {
  const [address = '', bits, ...more] = argument.split('/');
  const isRight = kind === 'ip4' ? isIPv4(address) : isIPv6(address) && !address.includes('%');
  if (!isRight || more.length > 0) throw new SpfSyntaxError(`not a network: ${text}`);
  return { network: addressOctets(address)!, bits: bitsOf(bits, kind === 'ip4' ? 32 : 128, text) };
}

/** RFC 7208 §5.6: no leading zeros. */
function bitsOf(digits: string | undefined, bitsMax: number, text: string): number {
  if (digits === undefined) return bitsMax;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bitsMax)
    throw new SpfSyntaxError(`not a length of a network: ${text}`);
  return Number(digits);
}

function macroString(value: string, term: string): MacroString {
  const parsed = parseMacroString(value);
  if (parsed === undefined) throw new SpfSyntaxError(`bad macro: ${term}`);
  return parsed;
}

/** RFC 7208 §7.1: ends in a macro or in a name that a top-level domain could have. */
function domainSpec(value: string, term: string): MacroString {
  const parsed = macroString(value, term);
  if (!endsAsDomain(parsed)) throw new SpfSyntaxError(`not a domain: ${term}`);
  return parsed;
}
