// 8BITMIME: text with octets above 127. RFC 6152. BODY is its parameter, to which RFC 3030 §3 adds
// a third value.

import { replies } from '../reply.ts';
import { binaryMime } from './binary-mime.ts';
import type { Extension, ParamRule } from './extension.ts';
import { drop } from './extension.ts';

export interface BodyParam {
  readonly name: 'BODY';
  readonly body: '7BIT' | '8BITMIME' | 'BINARYMIME';
}

const bodies = new Map<string, BodyParam>(
  (['7BIT', '8BITMIME', 'BINARYMIME'] as const).map((body) => [body, { name: 'BODY', body }]),
);

const bodyParam: ParamRule<BodyParam> = {
  name: 'BODY',
  // RFC 6152 §2: body-value = "7BIT" / "8BITMIME"; RFC 3030 §3: / "BINARYMIME"
  parse: (value) => bodies.get(value.toUpperCase()),
  format: ({ body }) => `BODY=${body}`,
  refuse: ({ body }, facts) =>
    body === 'BINARYMIME' && binaryMime.advertise(facts) === undefined
      ? replies.unknownParam
      : undefined,
  // RFC 6152 §3: to a hop without it the sender converts the content, or returns it.
  relay({ body }, { offered }) {
    const needs = body === 'BINARYMIME' ? 'BINARYMIME' : '8BITMIME';
    return offered.has(needs) ? { kind: 'send', value: `BODY=${body}` } : drop;
  },
};

export const eightBitMime = {
  keyword: '8BITMIME',
  advertise: () => '',
  mail: [bodyParam],
  // RFC 1652 §2 (5); RFC 3030 §3 (8) needs one octet less.
  mailBytes: 17,
} as const satisfies Extension;
