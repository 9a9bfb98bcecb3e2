// DELIVERBY: by when a message must be delivered, and what happens when it is not: `R` returns it, `N`
// goes on and tells its sender, `T` traces it hop by hop. RFC 2852. It travels on with what is left of
// the time, and a message with `R` does not go to hops that do not promise to keep to it.

import { reply } from '../reply.ts';
import type { Extension, Hop, ParamRule, Travel } from './extension.ts';
import { drop } from './extension.ts';

export interface DeliverByParam {
  readonly name: 'BY';
  /** From MAIL on, or as the queue keeps it from when the message was received. */
  readonly seconds: number;
  readonly mode: 'N' | 'R';
  readonly trace: boolean;
}

/**
 * Limit: with `R` less time is not promised to suffice. RFC 2852 §2: min-by-time. An attempt that finds
 * its host silent takes about so long.
 */
export const deliverBySecondsMin = 60;

// RFC 2852 §3: "a by-time strictly less than this limit … will be rejected with a … (55z) reply code"
const tooSoon = reply(
  555,
  '5.4',
  `No less than ${deliverBySecondsMin} seconds are taken with R here`,
);
/** RFC 2852 §4.1.3, RFC 3463 §3.5: X.4.7, delivery time expired. */
export const deliverByPassed = reply(
  554,
  '4.7',
  'The time in which to deliver the message is over',
);
// RFC 3463 §3.4: X.3.3, the system is not capable of selected features.
const hopLacksDeliverBy = reply(
  554,
  '3.3',
  'The next server does not return what it cannot deliver in time (DELIVERBY)',
);
const hopTooSlow = reply(554, '4.7', 'The next server needs more time than is left (DELIVERBY)');

// RFC 2852 §4: by-value = by-time";"by-mode[by-trace]; by-time = ["-" / "+"]1*9digit
const value = /^([-+]?\d{1,9});([NR])(T?)$/i;

const byParam: ParamRule<DeliverByParam> = {
  name: 'BY',
  parse(text) {
    const [, time, letter, trace] = value.exec(text) ?? [];
    if (time === undefined || letter === undefined) return undefined;
    const seconds = Number(time);
    const mode = letter.toUpperCase() === 'R' ? 'R' : 'N';
    // RFC 2852 §4: zero and less are a syntax error with R, and an old date with N.
    if (mode === 'R' && seconds <= 0) return undefined;
    return { name: 'BY', seconds: seconds === 0 ? 0 : seconds, mode, trace: trace !== '' };
  },
  format,
  refuse: ({ seconds, mode }) =>
    mode === 'R' && seconds < deliverBySecondsMin ? tooSoon : undefined,
  relay,
};

function format({ seconds, mode, trace }: DeliverByParam): string {
  return `BY=${seconds};${mode}${trace ? 'T' : ''}`;
}

// RFC 2852 §4.1.4
function relay(param: DeliverByParam, { offered, waitedMs = 0, delivers = false }: Hop): Travel {
  const minimum = offered.get('DELIVERBY');
  const isReturned = param.mode === 'R';
  if (minimum === undefined)
    return isReturned && !delivers ? { kind: 'refuse', reply: hopLacksDeliverBy } : drop;
  const seconds = Math.max(param.seconds - Math.floor(waitedMs / 1000), -secondsMax);
  // The time ran out on the way to this hop: the queue says what follows.
  if (isReturned && (seconds <= 0 || seconds < minimumOf(minimum)))
    return { kind: 'refuse', reply: hopTooSlow };
  return { kind: 'send', value: format({ ...param, seconds }) };
}

// RFC 2852 §2 (3): deliverby-param = min-by-time *( ',' extension-token ); min-by-time = [1*9DIGIT]
const minimumOf = (text: string): number => Number(/^\d{1,9}/.exec(text)?.[0] ?? 0);

/** Limit: RFC 2852 §4, nine digits. */
const secondsMax = 999_999_999;

export const deliverBy = {
  keyword: 'DELIVERBY',
  advertise: () => String(deliverBySecondsMin),
  mail: [byParam],
  // RFC 2852 §2 (5)
  mailBytes: 17,
} as const satisfies Extension;
