// The kinds of values a configuration is made of: durations, sizes, counts, texts, files. Each is a
// zod schema that reads the written form, gives the form the server works with (durations in
// milliseconds, sizes in octets), and carries what the documentation prints: a sentence, the
// default, the bounds.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import type { Duration } from '../../base/duration-text.ts';
import { formatDuration, parseDuration } from '../../base/duration-text.ts';
import { isPem } from '../../base/secret.ts';
import type { Rate } from '../../base/token-buckets.ts';
import { isAddress, parseNetwork } from '../../net/network.ts';

/** A subsystem's settings as far as they could be read, for what is to be said of several of them, or of files. */
export type PartOf<S extends Readonly<Record<string, z.ZodType>>> = {
  readonly [K in keyof S]?: z.output<S[K]> | undefined;
};

export type Size = number | `${number}${'B' | 'KiB' | 'MiB' | 'GiB'}`;

/** What docs/config.md prints about a setting. */
export interface SettingFacts {
  readonly about: string;
  /** As one would write it; nothing for a required setting or one that is off without it. */
  readonly default?: string;
}

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** '50MiB' or 52428800 → 52428800; undefined when it is not a size. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const [, number, unit] = /^(\d{1,12}(?:\.\d{1,3})?) ?([KMG]i)?B?$/.exec(value) ?? [];
  if (number === undefined) return undefined;
  const octets = Math.round(Number(number) * sizeUnits.get(`${unit ?? ''}B`)!);
  return Number.isSafeInteger(octets) ? octets : undefined;
}

export function formatSize(octets: number): string {
  const units = [...sizeUnits].reverse();
  const [unit, factor] = units.find(([, f]) => octets >= f && octets % f === 0) ?? ['B', 1];
  return unit === 'B' ? String(octets) : `${octets / factor}${unit}`;
}

/** A value as a problem shows it: short, quoted, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  if (typeof value === 'string' && isPem(value)) return 'what is in a PEM file';
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  const line = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return line.length > 60 ? `${line.slice(0, 57)}…'` : line;
}

interface Context {
  issues: unknown[];
  readonly value: unknown;
}

/** A leaf read by `read`, which returns a value or a sentence about what is wrong. */
function leaf<Input, Output>(
  kind: string,
  bounds: string | undefined,
  facts: SettingFacts,
  read: (input: Input) => { readonly value: Output } | { readonly wrong: string },
) {
  const pipe = z.custom<Input>().transform((input, context): Output => {
    const result = input === undefined ? { wrong: `is missing: give ${kind}` } : read(input);
    if ('value' in result) return result.value;
    (context as Context).issues.push({ code: 'custom', message: result.wrong, input });
    return z.NEVER;
  });
  return pipe.meta({ ...facts, kind, bounds });
}

interface Bounds<T> {
  readonly min?: T;
  readonly max?: T;
}

function boundsText(min: string | undefined, max: string | undefined): string | undefined {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `at least ${min}`;
  return max === undefined ? undefined : `at most ${max}`;
}

function outside(
  value: number,
  { min, max }: Bounds<number>,
  format: (value: number) => string,
): string | undefined {
  if (min !== undefined && value < min) return `must be at least ${format(min)}`;
  if (max !== undefined && value > max) return `must be at most ${format(max)}`;
  return undefined;
}

/** The default as one writes it. */
const quoted = ({ about, default: value }: SettingFacts): SettingFacts =>
  value === undefined ? { about } : { about, default: `'${value}'` };

export function duration(options: SettingFacts & Bounds<Duration>) {
  const min = parseDuration(options.min ?? '0s')!;
  const max = parseDuration(options.max ?? '365d')!;
  const bounds = boundsText(formatDuration(min), formatDuration(max));
  return leaf<Duration, number>('a duration', bounds, options, (input) => {
    const value = typeof input === 'string' ? parseDuration(input) : undefined;
    if (value === undefined)
      return {
        wrong: `must be a duration such as '30s', '5m', '4h' or '5d', not ${shown(input)}`,
      };
    const wrong = outside(value, { min, max }, formatDuration);
    return wrong === undefined ? { value } : { wrong: `${wrong}, not ${shown(input)}` };
  });
}

/** '300/1h': how often in how long. */
export function rate(facts: SettingFacts) {
  return leaf<string, Rate>("a rate such as '300/1h'", undefined, facts, (input) => {
    const [, number, time] =
      /^(\d{1,9})\/(\S+)$/.exec(typeof input === 'string' ? input : '') ?? [];
    const perMs = parseDuration(/^\d/.test(time ?? '') ? time! : `1${time}`);
    if (perMs === undefined || perMs < 1_000 || Number(number) < 1)
      return { wrong: `must be a rate such as '300/1h' or '10/1m', not ${shown(input)}` };
    return { value: { count: Number(number), perMs } };
  });
}

export function size(options: SettingFacts & Bounds<number>) {
  const { min, max } = options;
  const text = (n: number | undefined) => (n === undefined ? undefined : formatSize(n));
  const bounds = boundsText(text(min), text(max));
  return leaf<Size, number>('a size', bounds, quoted(options), (input) => {
    const value = parseSize(input);
    if (value === undefined)
      return { wrong: `must be a number of bytes or a size such as '50MiB', not ${shown(input)}` };
    const wrong = outside(value, options, formatSize);
    return wrong === undefined ? { value } : { wrong: `${wrong}, not ${shown(input)}` };
  });
}

export function count(options: SettingFacts & Bounds<number>) {
  const { min, max } = options;
  const bounds = boundsText(min?.toString(), max?.toString());
  return leaf<number, number>('a whole number', bounds, options, (value) => {
    if (!Number.isInteger(value)) return { wrong: `must be a whole number, not ${shown(value)}` };
    const wrong = outside(value, options, String);
    return wrong === undefined ? { value } : { wrong: `${wrong}, not ${value}` };
  });
}

const portMax = 65_535;
export const port = (facts: SettingFacts) => count({ ...facts, min: 0, max: portMax });
/** Of somebody whom we call. */
export const hopPort = (facts: SettingFacts) => count({ ...facts, min: 1, max: portMax });

/** `host:port`, `[2001:db8::1]:25`. */
export function hostAndPort(
  written: string,
): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed = '', digits] = /^(.+):(\d{1,5})$/.exec(written) ?? [];
  const host = bracketed.replace(/^\[(.*)\]$/, '$1');
  const port = Number(digits);
  const isPlace = (isAddress(host) || isDomain(host)) && port >= 1 && port <= portMax;
  return isPlace ? { host, port } : undefined;
}

export function flag(facts: SettingFacts) {
  return leaf<boolean, boolean>('true or false', undefined, facts, (value) =>
    typeof value === 'boolean'
      ? { value }
      : { wrong: `must be true or false, not ${shown(value)}` },
  );
}

export function choice<const T extends string>(values: readonly T[], facts: SettingFacts) {
  const kind = `one of ${values.map((value) => `'${value}'`).join(', ')}`;
  return leaf<T, T>(kind, undefined, facts, (value) =>
    values.includes(value) ? { value } : { wrong: `must be ${kind}, not ${shown(value)}` },
  );
}

/** Text that passes `wrong`, which says what is wrong with it if anything. */
export function text(
  kind: string,
  facts: SettingFacts,
  wrong: (text: string) => string | undefined = () => undefined,
  asUsed: (text: string) => string = (given) => given,
) {
  return leaf<string, string>(kind, undefined, facts, (input) => {
    if (typeof input !== 'string') return { wrong: `must be ${kind}, not ${shown(input)}` };
    const sentence = input === '' ? `must be ${kind}, not empty` : wrong(input);
    return sentence === undefined ? { value: asUsed(input) } : { wrong: sentence };
  });
}

/** What is wrong with a text that is to be a URL like the one given. */
export const httpUrl =
  (example: string) =>
  (url: string): string | undefined =>
    /^https?:$/.test(URL.parse(url)?.protocol ?? '')
      ? undefined
      : `must be a URL such as '${example}', not ${shown(url)}`;

/** The same, of one that passwords and secrets go to: https, but for this machine itself. */
export const secureUrl =
  (example: string) =>
  (text: string): string | undefined => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost';
    return url?.protocol === 'https:' || (url?.protocol === 'http:' && isPlain)
      ? undefined
      : `must be a URL such as '${example}', not ${shown(text)}`;
  };

export const file = (facts: SettingFacts) => text('the path of a file', facts);
export const directory = (facts: SettingFacts) => text('the path of a directory', facts);

/** RFC 5321 §4.5.3.1.2: 255 octets. U-labels and A-labels are both accepted. */
export function isDomain(name: string): boolean {
  if (/[\s\u0000-\u0020\u007f%:/?#@]/.test(name)) return false; // a URL parser would drop some of these
  const ascii = domainToASCII(name);
  return (
    ascii !== '' &&
    ascii.length <= 255 &&
    !isAddress(name) &&
    ascii.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label))
  );
}

/** RFC 5890 §2.3.2.1: as it goes over the wire, `xn--…`; what is ASCII stays as it is written. */
const withALabels = (name: string): string =>
  /^[\x00-\x7f]*$/.test(name) ? name : domainToASCII(name);

/** An IP address, with or without a zone, or a host name. */
export const host = (facts: SettingFacts) =>
  text(
    'an IP address or host name',
    facts,
    (name) =>
      isIP(name) !== 0 || isDomain(name.replace(/\.$/, ''))
        ? undefined
        : `must be an IP address or host name, not ${shown(name)}`,
    withALabels,
  );

export function domain(facts: SettingFacts) {
  const wrong = (name: string) =>
    isDomain(name)
      ? undefined
      : `must be a domain name such as 'mx.example.org', not ${shown(name)}`;
  return text('a domain name', facts, wrong, withALabels);
}

/**
 * 'example.net' is exactly it, '.example.net' its subdomains; '*' everything, where allowed. `address`: hosts are meant
 * as well, which may be named by their addresses.
 */
export function domainPattern(
  facts: SettingFacts,
  options: { readonly star: boolean; readonly address?: boolean },
) {
  return text('a domain', facts, (pattern) => {
    if (pattern === '*' && options.star) return undefined;
    if (options.address === true && isIP(pattern) !== 0) return undefined;
    if (isDomain(pattern.startsWith('.') ? pattern.slice(1) : pattern)) return undefined;
    const star = options.star ? ", or '*' for every domain" : '';
    return `must be a domain, '.domain' for its subdomains${star}; not ${shown(pattern)}`;
  });
}

/** Permissions of a file, in octal. */
export function fileMode(facts: SettingFacts) {
  return text('an octal mode', facts, (mode) =>
    /^0?[0-7]{3}$/.test(mode)
      ? undefined
      : `must be permissions in octal such as '0660', not ${shown(mode)}`,
  );
}

export function network(facts: SettingFacts) {
  return text('a network', facts, (cidr) =>
    parseNetwork(cidr) === undefined
      ? `must be a network such as '192.0.2.0/24' or '2001:db8::/32', not ${shown(cidr)}`
      : undefined,
  );
}
