// DSN: which delivery status notifications the sender wants, and what they shall say. RFC 3461 §4;
// RFC 6533 §3 for original recipients with internationalised addresses.

import type { Extension, ParamRule } from './extension.ts';
import { sendIfOffered } from './extension.ts';
import { decodeUnitext, decodeXtext, encodeUnitext, encodeXtext } from './xtext.ts';

export interface RetParam {
  readonly name: 'RET';
  readonly ret: 'FULL' | 'HDRS';
}

export interface EnvidParam {
  readonly name: 'ENVID';
  /** Decoded: printable ASCII. */
  readonly id: string;
}

export type NotifyCondition = 'SUCCESS' | 'FAILURE' | 'DELAY';

export interface NotifyParam {
  readonly name: 'NOTIFY';
  /** [] is NEVER. */
  readonly conditions: readonly NotifyCondition[];
}

export interface OrcptParam {
  readonly name: 'ORCPT';
  /** Lower case: `rfc822`, `utf-8`. */
  readonly type: string;
  /** Decoded: printable ASCII, or with `utf-8` any characters but controls. */
  readonly address: string;
}

// RFC 3461 §4.3: "FULL" / "HDRS", in any case
const retParam: ParamRule<RetParam> = {
  name: 'RET',
  parse(value) {
    const ret = value.toUpperCase();
    return ret === 'FULL' || ret === 'HDRS' ? { name: 'RET', ret } : undefined;
  },
  format: formatRet,
  relay: sendIfOffered('DSN', formatRet),
};

function formatRet({ ret }: RetParam): string {
  return `RET=${ret}`;
}

/** Limit: RFC 3461 §4.4, in encoded form. */
const envidCharsMax = 100;

// RFC 3461 §4.4: envid-parameter = "ENVID=" xtext
const envidParam: ParamRule<EnvidParam> = {
  name: 'ENVID',
  parse(value) {
    if (value === '' || value.length > envidCharsMax) return undefined;
    const id = decodeXtext(value);
    return id === undefined ? undefined : { name: 'ENVID', id };
  },
  format: formatEnvid,
  relay: sendIfOffered('DSN', formatEnvid),
};

function formatEnvid({ id }: EnvidParam): string {
  return `ENVID=${encodeXtext(id)}`;
}

const conditions = new Map<string, NotifyCondition>([
  ['SUCCESS', 'SUCCESS'],
  ['FAILURE', 'FAILURE'],
  ['DELAY', 'DELAY'],
]);

// RFC 3461 §4.1: notify-esmtp-value = "NEVER" / 1#notify-list-element, in any case
const notifyParam: ParamRule<NotifyParam> = {
  name: 'NOTIFY',
  parse(value) {
    if (value.toUpperCase() === 'NEVER') return { name: 'NOTIFY', conditions: [] };
    const wanted = new Set<NotifyCondition>();
    for (const word of value.split(',')) {
      const condition = conditions.get(word.toUpperCase());
      if (condition === undefined) return undefined;
      wanted.add(condition);
    }
    return { name: 'NOTIFY', conditions: [...wanted] };
  },
  format: formatNotify,
  relay: sendIfOffered('DSN', formatNotify),
};

function formatNotify({ conditions }: NotifyParam): string {
  return `NOTIFY=${conditions.length === 0 ? 'NEVER' : conditions.join(',')}`;
}

/** Limit: RFC 3461 §4.2, "the entire ORCPT parameter", in encoded form. */
const orcptCharsMax = 500;

// RFC 3461 §4.2: original-recipient-address = addr-type ";" xtext
const orcptParam: ParamRule<OrcptParam> = {
  name: 'ORCPT',
  parse(value) {
    const semicolon = value.indexOf(';');
    if (semicolon < 1 || value.length > orcptCharsMax) return undefined;
    const type = value.slice(0, semicolon).toLowerCase();
    if (!/^[a-z0-9!#$%&'*+\-/?^_`{|}~]+$/.test(type)) return undefined;
    const encoded = value.slice(semicolon + 1);
    const address = type === 'utf-8' ? decodeUnitext(encoded) : decodeXtext(encoded);
    return address === undefined ? undefined : { name: 'ORCPT', type, address };
  },
  format: formatOrcpt,
  // RFC 3461 §5.2.1 and §5.2.2: passed on unaltered, or not at all.
  relay: sendIfOffered('DSN', formatOrcpt),
};

// Deviation: RFC 6533 §3 would have native UTF-8 sent to hops that offer SMTPUTF8. The 7-bit form is
// valid everywhere, also in a transaction without the SMTPUTF8 parameter.
function formatOrcpt({ type, address }: OrcptParam): string {
  return `ORCPT=${type};${type === 'utf-8' ? encodeUnitext(address) : encodeXtext(address)}`;
}

export const dsn = {
  keyword: 'DSN',
  advertise: () => '',
  mail: [retParam, envidParam],
  rcpt: [notifyParam, orcptParam],
  // RFC 3461 §10: " RET=FULL" and " ENVID=" with 100 characters; 530 for NOTIFY and ORCPT.
  mailBytes: 9 + 107,
  rcptBytes: 530,
} as const satisfies Extension;
