// SIZE: message size declaration. RFC 1870. The limit is also kept while the content streams in.

import { replies } from '../reply.ts';
import type { Extension, ParamRule } from './extension.ts';
import { drop } from './extension.ts';

export interface SizeParam {
  readonly name: 'SIZE';
  readonly bytes: number;
}

const sizeParam: ParamRule<SizeParam> = {
  name: 'SIZE',
  parse(value) {
    // RFC 1870 §3: size-value ::= 1*20DIGIT
    return /^\d{1,20}$/.test(value) ? { name: 'SIZE', bytes: Number(value) } : undefined;
  },
  format: ({ bytes }) => `SIZE=${bytes}`,
  refuse({ bytes }, { limits: { messageSize } }) {
    // RFC 1870 §6.1: 552 when the declared size exceeds our fixed maximum.
    return messageSize !== 0 && bytes > messageSize ? replies.messageTooBig : undefined;
  },
  // The size of what we send differs by our trace fields: the client declares it anew.
  relay: () => drop,
};

export const size = {
  keyword: 'SIZE',
  // RFC 1870 §4: 0 means that there is no fixed maximum.
  advertise: ({ limits }) => String(limits.messageSize),
  mail: [sizeParam],
  // RFC 1870 §3 (5)
  mailBytes: 26,
} as const satisfies Extension;
