// MTA-STS by the letter: the record that says there is a policy, the policy, and which hosts it allows. RFC 8461
// §3.1, §3.2, §4.1. Pure functions of what the DNS and the policy's host have said, both strangers; and our own
// policy, written by the same rules.

import { createHash } from 'node:crypto';
import { trimmed } from './tag-list.ts';

export type StsMode = 'enforce' | 'testing' | 'none';

export interface StsPolicy {
  readonly mode: StsMode;
  readonly maxAgeSeconds: number;
  /** Names and `*.` patterns, in lower case. */
  readonly mx: readonly string[];
}

/** RFC 8461 §3.2: the longest life of a policy, a leap year. */
export const maxAgeSecondsMax = 31_557_600;
/** Limit: hosts that a policy names. Large providers have a dozen. */
const mxMax = 200;

/** The id in the TXT records of `_mta-sts`; undefined where they announce no policy. */
export function parseStsRecords(texts: readonly string[]): string | undefined {
  // RFC 8461 §3.1: others are discarded; of those that are left there is one.
  const [text, ...rest] = texts.filter((one) => /^v=STSv1[ \t]*;/.test(one));
  if (text === undefined || rest.length > 0) return undefined;
  const fields = text.split(';').map(trimmed); // a pattern with the space would look at it again and again
  if (fields.at(-1) === '') fields.pop();
  let id: string | undefined;
  for (const field of fields.slice(1)) {
    if (!/^[a-z0-9][\w.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+$/i.test(field)) return undefined;
    // RFC 8461 §3.2: of a field that is there twice the first one counts.
    if (field.startsWith('id=')) id ??= field.slice(3);
  }
  return id !== undefined && /^[a-z0-9]{1,32}$/i.test(id) ? id : undefined;
}

/** What is wrong with a policy, for its owner. */
export interface StsProblem {
  readonly problem: string;
}

/** RFC 8461 §3.2 */
export function parseStsPolicy(text: string): StsPolicy | StsProblem {
  const fields = new Map<string, string>();
  const mx: string[] = [];
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const match = /^([a-z0-9][\w.-]{0,31}):[ \t]*(.*)$/i.exec(line);
    if (match === null) {
      // Field: blank lines, which the grammar does not have; most often at the end.
      if (line.trim() === '') continue;
      return { problem: `line ${index + 1} is no field` };
    }
    const [, name = '', rest = ''] = match;
    const value = rest.trimEnd();
    if (name === 'mx') mx.push(value.toLowerCase());
    else if (!fields.has(name)) fields.set(name, value);
  }
  if (fields.get('version') !== 'STSv1') return { problem: 'its version is not STSv1' };
  const mode = fields.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none')
    return { problem: 'its mode is none that there is' };
  const age = fields.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) return { problem: 'its max_age is no number of seconds' };
  if (mode !== 'none' && mx.length === 0) return { problem: 'it names no mx' };
  if (mx.length > mxMax) return { problem: `it names more than ${mxMax} mx` };
  if (!mx.every(isMxPattern)) return { problem: 'one of its mx is no name of a host' };
  return { mode, maxAgeSeconds: Math.min(Number(age), maxAgeSecondsMax), mx };
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const isMxPattern = (pattern: string): boolean =>
  pattern.length <= 255 &&
  pattern
    .replace(/^\*\./, '')
    .split('.')
    .every((part) => label.test(part));

/** RFC 8461 §4.1: `*` is the whole first label, and that alone. */
export function allowsMx({ mx }: Pick<StsPolicy, 'mx'>, host: string): boolean {
  const name = host.toLowerCase();
  const parent = name.slice(name.indexOf('.') + 1);
  return mx.some((pattern) =>
    pattern.startsWith('*.') ? name.includes('.') && pattern.slice(2) === parent : pattern === name,
  );
}

/** The lines as TLS reports quote them: RFC 8460 §4.5. */
export const policyLines = (text: string): readonly string[] =>
  text.split(/\r?\n/).filter((line) => line.trim() !== '');

export const formatStsPolicy = ({ mode, maxAgeSeconds, mx }: StsPolicy): string =>
  [
    'version: STSv1',
    `mode: ${mode}`,
    ...mx.map((pattern) => `mx: ${pattern}`),
    `max_age: ${maxAgeSeconds}`,
    '',
  ].join('\r\n');

/** What `_mta-sts` has to say while the policy is this one: another policy, another id. RFC 8461 §3.1. */
export const formatStsRecord = (policyText: string): string =>
  `v=STSv1; id=${createHash('sha256').update(policyText).digest('hex').slice(0, 20)};`;

export const policyUrl = (domain: string): string =>
  `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
