// Every extension we speak, in the order EHLO lists them. To add one: write its file, add its name.
// The parameters of MAIL and RCPT follow from the list, as types and as rules to read, to write and
// to pass them on.

import type { Reply } from '../reply.ts';
import { replies } from '../reply.ts';
import { atrn } from './atrn.ts';
import { auth } from './auth.ts';
import { binaryMime } from './binary-mime.ts';
import { burl } from './burl.ts';
import { chunking } from './chunking.ts';
import { conneg } from './conneg.ts';
import { conperm } from './conperm.ts';
import { deliverBy } from './deliver-by.ts';
import { dsn } from './dsn.ts';
import { eightBitMime } from './eight-bit-mime.ts';
import { enhancedStatusCodes } from './enhanced-status-codes.ts';
import { etrn } from './etrn.ts';
import type {
  Extension,
  Hop,
  Param,
  ParamRule,
  RawParam,
  SessionFacts,
  Travel,
} from './extension.ts';
import { futureRelease } from './future-release.ts';
import { help } from './help.ts';
import { limits } from './limits.ts';
import { mtPriority } from './mt-priority.ts';
import { mtrk } from './mtrk.ts';
import { noSoliciting } from './no-soliciting.ts';
import { pipelining } from './pipelining.ts';
import { requireTls } from './requiretls.ts';
import { rrvs } from './rrvs.ts';
import { size } from './size.ts';
import { smtpUtf8 } from './smtputf8.ts';
import { startTls } from './starttls.ts';
import { vrfy } from './vrfy.ts';
import { xclient } from './xclient.ts';

export const extensions = [
  pipelining,
  size,
  vrfy,
  etrn,
  atrn,
  startTls,
  requireTls,
  auth,
  enhancedStatusCodes,
  eightBitMime,
  dsn,
  smtpUtf8,
  chunking,
  binaryMime,
  burl,
  deliverBy,
  mtPriority,
  futureRelease,
  noSoliciting,
  rrvs,
  mtrk,
  conperm,
  conneg,
  limits,
  xclient,
  help,
] as const satisfies readonly Extension[];

type RuleOn<C extends 'mail' | 'rcpt', E = (typeof extensions)[number]> = E extends {
  readonly [K in C]: readonly (infer Rule)[];
}
  ? Rule
  : never;
type ParamOf<Rule> = Rule extends ParamRule<infer P> ? P : never;

/** SizeParam | RetParam | …: follows from the list above. */
export type MailParam = ParamOf<RuleOn<'mail'>>;
/** NotifyParam | OrcptParam | …: follows from the list above. */
export type RcptParam = ParamOf<RuleOn<'rcpt'>>;

export type { Hop, RawParam, SessionFacts, Travel } from './extension.ts';

export function findParam<P extends Param, N extends P['name']>(
  params: readonly P[],
  name: N,
): Extract<P, { readonly name: N }> | undefined {
  return params.find((param): param is Extract<P, { readonly name: N }> => param.name === name);
}

/** Whether this session has the extension: offered, and not withheld by the listener. */
export function isOffered(extension: Extension, facts: SessionFacts): boolean {
  return offer(extension, facts) !== undefined;
}

/** The lines of EHLO's reply after the first. RFC 5321 §4.1.1.1. */
export function advertise(facts: SessionFacts): string[] {
  const lines: string[] = [];
  for (const extension of extensions) {
    const text = offer(extension, facts);
    if (text !== undefined)
      lines.push(text === '' ? extension.keyword : `${extension.keyword} ${text}`);
  }
  return lines;
}

/** How far all extensions together lengthen a line of MAIL, and one of RCPT. */
export const extraBytes = {
  mail: extensions.reduce((sum: number, { mailBytes = 0 }: Extension) => sum + mailBytes, 0),
  rcpt: extensions.reduce((sum: number, { rcptBytes = 0 }: Extension) => sum + rcptBytes, 0),
} as const;

export type ParamsRead<P> =
  | { readonly kind: 'params'; readonly params: readonly P[] }
  | { readonly kind: 'refuse'; readonly reply: Reply };

interface Bound<P extends Param> {
  readonly rule: ParamRule<P>;
  readonly extension: Extension;
}

/** The parameters of one command. */
class ParamTable<P extends Param> {
  // A Map, not an object: the key comes from the peer.
  readonly #rules = new Map<string, Bound<P>>();
  readonly #none: ParamsRead<P> = { kind: 'params', params: [] };

  constructor(rules: (extension: Extension) => readonly ParamRule<P>[] | undefined) {
    for (const extension of extensions)
      for (const rule of rules(extension) ?? []) this.#rules.set(rule.name, { rule, extension });
  }

  read(raw: readonly RawParam[], facts: SessionFacts): ParamsRead<P> {
    if (raw.length === 0) return this.#none;
    const params: P[] = [];
    for (const { keyword, value } of raw) {
      const bound = this.#rules.get(keyword);
      // RFC 5321 §4.1.1.11: 555 for parameters that are not recognized or not implemented.
      if (bound === undefined || !isOffered(bound.extension, facts))
        return { kind: 'refuse', reply: bound?.extension.unoffered ?? replies.unknownParam };
      const { rule } = bound;
      // RFC 3461 §4.5: the same parameter twice is a syntax error; so it is for all of them.
      const param = params.some(({ name }) => name === keyword) ? undefined : rule.parse(value);
      if (param === undefined) return { kind: 'refuse', reply: replies.badParam };
      const refusal = rule.refuse?.(param, facts);
      if (refusal !== undefined) return { kind: 'refuse', reply: refusal };
      params.push(rule.believe?.(param, facts) ?? param);
    }
    return { kind: 'params', params };
  }

  format(param: P): string {
    return this.#rule(param).format(param);
  }

  relay(param: P, hop: Hop): Travel {
    return this.#rule(param).relay(param, hop);
  }

  /** What a version of this program wrote. What only a newer one understands is left out. */
  parseStored(wire: readonly string[]): P[] {
    const params: P[] = [];
    for (const text of wire) {
      const equals = text.indexOf('=');
      const keyword = equals === -1 ? text : text.slice(0, equals);
      const value = equals === -1 ? '' : text.slice(equals + 1);
      const param = this.#rules.get(keyword)?.rule.parse(value);
      if (param !== undefined) params.push(param);
    }
    return params;
  }

  #rule(param: P): ParamRule<P> {
    const bound = this.#rules.get(param.name);
    if (bound === undefined) throw new TypeError(`no rule for ${param.name}`);
    return bound.rule;
  }
}

const mailTable = new ParamTable<MailParam>(
  (extension) => extension.mail as readonly ParamRule<MailParam>[] | undefined,
);
const rcptTable = new ParamTable<RcptParam>(
  (extension) => extension.rcpt as readonly ParamRule<RcptParam>[] | undefined,
);

const conflicts = extensions.flatMap((extension: Extension) => extension.conflict ?? []);

export function readMailParams(
  raw: readonly RawParam[],
  facts: SessionFacts,
): ParamsRead<MailParam> {
  const read = mailTable.read(raw, facts);
  if (raw.length === 0 || read.kind === 'refuse') return read;
  for (const conflict of conflicts) {
    const refusal = conflict(read.params, facts);
    if (refusal !== undefined) return { kind: 'refuse', reply: refusal };
  }
  return read;
}
export const readRcptParams = (raw: readonly RawParam[], facts: SessionFacts) =>
  rcptTable.read(raw, facts);

/** Wire form, `KEY=value`: as the queue stores it. */
export const formatMailParam = (param: MailParam): string => mailTable.format(param);
export const formatRcptParam = (param: RcptParam): string => rcptTable.format(param);

export const parseStoredMailParams = (wire: readonly string[]) => mailTable.parseStored(wire);
export const parseStoredRcptParams = (wire: readonly string[]) => rcptTable.parseStored(wire);

/** How a parameter travels on to a hop that offers these keywords. */
export const relayMailParam = (param: MailParam, hop: Hop): Travel => mailTable.relay(param, hop);
export const relayRcptParam = (param: RcptParam, hop: Hop): Travel => rcptTable.relay(param, hop);

function offer(extension: Extension, facts: SessionFacts): string | undefined {
  return facts.withheld?.has(extension.keyword) ? undefined : extension.advertise(facts);
}
