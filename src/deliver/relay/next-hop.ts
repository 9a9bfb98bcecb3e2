// What of a message a next hop takes, and in which form. Parameters travel by the rules of their
// extensions; content that the hop has no extension for is converted, or the message is refused in
// the hop's stead. RFC 6152 §3, RFC 3030 §3, RFC 6531 §3.2, RFC 3461 §5.2. Costs nothing for mail that
// needs no extension.

import { domainToASCII } from 'node:url';
import { unreachable } from '../../base/assert.ts';
import { findHeaderEnd, headerEndWithin } from '../../mail/header.ts';
import { LineMeter } from '../../mail/line-meter.ts';
import { convertContent, has8Bit, hasNul } from '../../mail/transfer-encoding.ts';
import type { Capabilities } from '../../smtp/client/capabilities.ts';
import type { Outgoing, OutgoingContent, OutgoingRecipient } from '../../smtp/client/event.ts';
import {
  findParam,
  parseStoredMailParams,
  parseStoredRcptParams,
  relayMailParam,
  relayRcptParam,
} from '../../smtp/extensions/index.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Content } from '../../store/content.ts';
import type { QueuedMessage } from '../../store/queue-store.ts';

/** Content with 8-bit octets for a hop that takes 7-bit lines only, or with lines no hop takes. */
export type EightBitConversion = 'convert' | 'bounce';

export type Fit =
  | {
      readonly kind: 'fits';
      readonly envelope: Omit<Outgoing, 'recipients'>;
      recipient(recipient: Addressee): OutgoingRecipient;
      /** Streamed content; undefined when it is in memory. */
      readonly read: (() => AsyncIterable<Uint8Array>) | undefined;
      /** The hop got the DSN parameters: it will report. */
      readonly dsn: boolean;
    }
  | { readonly kind: 'refuse'; readonly reply: Reply };

/** What a hop gets to see of a message. */
export type HopMessage = Pick<QueuedMessage, 'sender' | 'params' | 'prefix' | 'content'>;

export interface Addressee {
  readonly address: string;
  readonly params: readonly string[];
}

/**
 * What is in the way of the message as it is, in words that its sender reads. RFC 3463 §3.7: X.6.3,
 * conversion required but not supported.
 */
const obstacles = {
  /** RFC 6152 §3. */
  eightBit: reply(554, '6.3', 'The next host takes 7-bit mail only'),
  /** RFC 5321 §4.5.3.1.6. */
  longLine: reply(554, '6.3', 'A line of the message has more than 998 octets'),
  /** RFC 2045 §2.7, §2.8. */
  nul: reply(554, '6.3', 'The message has NUL octets in it, which the next host does not take'),
  headerNul: reply(
    554,
    '6.3',
    'The header of the message has a NUL octet in it, which the next host does not take',
  ),
  /** RFC 3030 §3. */
  binary: reply(554, '6.3', 'The next host does not take binary mail (BINARYMIME)'),
};

// RFC 6531 §3.2 (4), RFC 3463 §3.7 as RFC 5248 has it: X.6.7.
const noUtf8 = reply(553, '6.7', 'The next host does not take internationalised mail (SMTPUTF8)');

/** @throws what reading the content throws. */
export async function fitToHop(
  message: HopMessage,
  recipients: readonly Addressee[],
  hop: Capabilities,
  conversion: EightBitConversion,
): Promise<Fit> {
  const form = await contentForm(message, hop, conversion);
  if ('refuse' in form) return { kind: 'refuse', reply: form.refuse };
  const { sender, params } = message;
  const utf8 = await needsUtf8(message, recipients, hop);
  if (utf8 && !hop.keywords.has('SMTPUTF8')) return { kind: 'refuse', reply: noUtf8 };
  const address = utf8 ? unchanged : withAsciiDomain;
  const dsn = hop.keywords.has('DSN');
  return {
    kind: 'fits',
    dsn,
    read: form.read,
    envelope: {
      sender: address(sender),
      params: [...form.params, ...mailParams(params, hop, utf8)],
      content: form.content,
      binary: form.binary,
    },
    recipient: (recipient) => ({
      address: address(recipient.address),
      params: recipient.params.length === 0 ? none : rcptParams(recipient.params, hop),
    }),
  };
}

const none: readonly string[] = [];
const unchanged = (address: string): string => address;

/** BODY and SMTPUTF8 are decided here; everything else has its own rule. */
function mailParams(wire: readonly string[], hop: Capabilities, utf8: boolean): readonly string[] {
  if (wire.length === 0) return none;
  const offered = { offered: hop.keywords };
  const travelling: string[] = utf8 ? ['SMTPUTF8'] : [];
  for (const param of parseStoredMailParams(wire)) {
    if (param.name === 'BODY' || param.name === 'SMTPUTF8') continue;
    const travel = relayMailParam(param, offered);
    if (travel.kind === 'send') travelling.push(travel.value);
  }
  return travelling;
}

function rcptParams(wire: readonly string[], hop: Capabilities): readonly string[] {
  const travelling: string[] = [];
  for (const param of parseStoredRcptParams(wire)) {
    const travel = relayRcptParam(param, { offered: hop.keywords });
    if (travel.kind === 'send') travelling.push(travel.value);
  }
  return travelling;
}

interface Form {
  readonly content: OutgoingContent;
  readonly read: (() => AsyncIterable<Uint8Array>) | undefined;
  readonly params: readonly string[];
  readonly binary: boolean;
}

const body8Bit = ['BODY=8BITMIME'];
const bodyBinary = ['BODY=BINARYMIME'];

async function contentForm(
  message: HopMessage,
  hop: Capabilities,
  conversion: EightBitConversion,
): Promise<Form | { readonly refuse: Reply }> {
  const { params } = message;
  const body =
    params.length === 0 ? undefined : findParam(parseStoredMailParams(params), 'BODY')?.body;
  const takes8Bit = hop.keywords.has('8BITMIME');
  const takesBinary = hop.chunking && hop.keywords.has('BINARYMIME');
  const target = takes8Bit ? '8bit' : '7bit';
  if (body === 'BINARYMIME') {
    if (takesBinary) return asItIs(message, bodyBinary, true);
    if (conversion === 'bounce') return { refuse: obstacles.binary };
    // RFC 3030 §3: only to servers that say so; for others it has to become lines.
    return converted(message, target, takes8Bit ? body8Bit : none, obstacles.binary);
  }
  const { bytes } = message.content;
  // What is read from a file is looked at by the conversion anyway.
  if (!takes8Bit && bytes === undefined && conversion === 'convert' && !takesBinary)
    return converted(message, '7bit', none, obstacles.eightBit);
  const { eightBit, longLine, nul } = await look(message);
  // RFC 3030 §3: sent by its length a NUL is an octet like any other, signed or not.
  if (nul && takesBinary) return asItIs(message, bodyBinary, true);
  const tooWide = eightBit && !takes8Bit;
  const bodyParams = takes8Bit && body === '8BITMIME' ? body8Bit : none;
  if (!tooWide && !longLine && !nul) return asItIs(message, bodyParams, false);
  // RFC 5321 §4.5.3.1.6: no hop need take a longer line, and some would cut it; some end the message
  // at a dot behind a NUL, or throw NULs away and see the end of data where there is none.
  const obstacle = nul ? obstacles.nul : tooWide ? obstacles.eightBit : obstacles.longLine;
  if (conversion === 'bounce') return { refuse: obstacle };
  return converted(message, target, bodyParams, obstacle);
}

function asItIs(message: HopMessage, params: readonly string[], binary: boolean): Form {
  const { bytes } = message.content;
  if (bytes !== undefined) {
    const pieces = message.prefix === '' ? [bytes] : [Buffer.from(message.prefix), bytes];
    return { content: { kind: 'memory', pieces }, read: undefined, params, binary };
  }
  const { size, read } = whole(message);
  const content = { kind: 'stream', size } as const;
  return { content, read: () => read({ reuse: true }), params, binary };
}

async function converted(
  message: HopMessage,
  target: '7bit' | '8bit',
  params: readonly string[],
  obstacle: Reply,
): Promise<Form | { readonly refuse: Reply }> {
  const conversion = await convertContent(whole(message), target);
  const [why] = (conversion.hasNul ? obstacles.nul : obstacle).lines;
  switch (conversion.kind) {
    case 'signed':
      return {
        refuse: reply(554, '6.3', `${why}, and converting the message would break its signature`),
      };
    case 'impossible':
      return { refuse: reply(554, '6.3', `${why}, and the message cannot be converted`) };
    case 'converted': {
      if (conversion.hasNul) return { refuse: obstacles.headerNul };
      const { size } = conversion;
      const read = () => conversion.read();
      return { content: { kind: 'stream', size }, read, params, binary: false };
    }
    default:
      return unreachable(conversion);
  }
}

/** Trace fields and content, as one. */
function whole({ prefix, content }: HopMessage) {
  const front = Buffer.from(prefix);
  return {
    size: front.length + content.size,
    async *read(options?: { readonly reuse: boolean }): AsyncIterable<Uint8Array> {
      if (front.length > 0) yield front;
      yield* content.read(options);
    },
  };
}

interface Look {
  readonly eightBit: boolean;
  readonly longLine: boolean;
  readonly nul: boolean;
}

/** What stands between the message and a hop, trace fields included. */
async function look(message: HopMessage): Promise<Look> {
  const { prefix, content } = message;
  const meter = new LineMeter();
  const { bytes } = content;
  if (bytes !== undefined) {
    const front = Buffer.from(prefix);
    meter.push(front);
    meter.push(bytes);
    const eightBit = has8Bit(bytes) || has8Bit(front);
    return { eightBit, longLine: meter.hasLongLine, nul: hasNul(bytes) };
  }
  let eightBit = false;
  let nul = false;
  for await (const piece of whole(message).read({ reuse: true })) {
    eightBit ||= has8Bit(piece);
    nul ||= hasNul(piece);
    meter.push(piece);
  }
  return { eightBit, longLine: meter.hasLongLine, nul };
}

const ascii = /^[\x00-\x7f]*$/;

/**
 * Whether the message goes as an internationalised one. RFC 6531 §3.2 asks for the parameter when
 * addresses or header fields need it. Field: many clients give it whenever it is offered, and it would
 * be a pity to bounce what any host can take.
 * Deviation: for that, header fields of embedded messages and parts are not looked at.
 */
async function needsUtf8(
  message: HopMessage,
  recipients: readonly Addressee[],
  hop: Capabilities,
): Promise<boolean> {
  const { sender, params, prefix } = message;
  const asked = params.length > 0 && params.includes('SMTPUTF8');
  if (asked && hop.keywords.has('SMTPUTF8')) return true;
  const local = (address: string) => address.slice(0, address.lastIndexOf('@') + 1);
  if (!ascii.test(local(sender))) return true;
  for (const { address } of recipients) if (!ascii.test(local(address))) return true;
  if (!asked) return false;
  return !ascii.test(prefix) || headerHas8Bit(message.content);
}

/** Limit: looked through for the end of the header; beyond it we believe the parameter. */
const headerBytesMax = 2 ** 20;

export async function headerHas8Bit(content: Content): Promise<boolean> {
  let head = Buffer.alloc(0);
  for await (const bytes of content.read()) {
    head = Buffer.concat([head, bytes]);
    const end = headerEndWithin(head);
    if (end !== undefined) return has8Bit(head.subarray(0, end));
    if (head.length > headerBytesMax) return true;
  }
  return has8Bit(head.subarray(0, findHeaderEnd(head)));
}

/** RFC 5890 §2.3.2.1: a U-label has an A-label that means the same, and any host takes that. */
function withAsciiDomain(address: string): string {
  if (ascii.test(address)) return address;
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at) + domainToASCII(address.slice(at));
}
