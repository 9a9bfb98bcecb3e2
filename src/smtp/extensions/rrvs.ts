// RRVS: mail for whoever had the mailbox then, and for nobody who got it since. RFC 7293. It travels with its
// recipient; to a hop without it the mail goes only if its sender said so (`C`), and is returned if not.

import { parseDateTime } from '../../base/date-time.ts';
import { reply } from '../reply.ts';
import type { Extension, Hop, ParamRule, Travel } from './extension.ts';
import { drop } from './extension.ts';

export interface RrvsParam {
  readonly name: 'RRVS';
  /** Milliseconds since 1970: since when at least the mailbox must have had its owner. */
  readonly since: number;
  /** As it was written: RFC 7293 §5.1.1 has it preserved. */
  readonly wire: string;
  /** Goes on to hops that do not look at it. */
  readonly continues: boolean;
}

// RFC 7293 §15.3: X.7.19, the test cannot be completed.
const hopLacksRrvs = reply(
  550,
  '7.19',
  'The next server does not say whether the mailbox has changed hands (RRVS)',
);

// RFC 7293 §3.1: date-time [ ";" ( "C" / "R" ) ], RFC 3339 §5.6 without a time-secfrac
const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[-+]\d\d:\d\d))(?:;([CR]))?$/i;

const rrvsParam: ParamRule<RrvsParam> = {
  name: 'RRVS',
  parse(wire) {
    const [, time = '', action] = form.exec(wire) ?? [];
    const since = parseDateTime(time);
    if (since === undefined) return undefined;
    return { name: 'RRVS', since, wire, continues: action?.toUpperCase() === 'C' };
  },
  format,
  relay(param, { offered }: Hop): Travel {
    if (offered.has('RRVS')) return { kind: 'send', value: format(param) };
    return param.continues ? drop : { kind: 'refuse', reply: hopLacksRrvs };
  },
};

function format({ wire }: RrvsParam): string {
  return `RRVS=${wire}`;
}

export const rrvs = {
  keyword: 'RRVS',
  advertise: () => '',
  rcpt: [rrvsParam],
  // RFC 7293 §3.1
  rcptBytes: 33,
} as const satisfies Extension;
