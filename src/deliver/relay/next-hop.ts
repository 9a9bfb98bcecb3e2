// What of a message a next hop takes, and in which form. Parameters travel by the rules of their
// extensions; the content goes through the steps of outbound-steps.ts, and what they or the rules do
// not let through is refused in the hop's stead. RFC 6531 §3.2, RFC 3461 §5.2. Costs nothing for mail
// that needs no extension.

import { domainToASCII } from 'node:url';
import { has8Bit } from '../../mail/conversion/transfer-encoding.ts';
import { findHeaderEnd, headerEndWithin } from '../../mail/header/header.ts';
import { notifyOf } from '../../mail/status/delivery-status.ts';
import type { Capabilities } from '../../smtp/client/capabilities.ts';
import type { Outgoing, OutgoingRecipient } from '../../smtp/client/event.ts';
import { requestsOf } from '../../smtp/envelope-requests.ts';
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
import type { OutboundMessage, OutboundStep, SealRequest } from './steps/outbound-step.ts';

export type Fit =
  | {
      readonly kind: 'fits';
      readonly envelope: Omit<Outgoing, 'recipients'>;
      recipient(recipient: Addressee): OutgoingRecipient;
      /** Positions of recipients who cannot go by this hop, though others can. */
      readonly refused: ReadonlyMap<number, Reply>;
      /** Streamed content; undefined when it is in memory. */
      readonly read: (() => AsyncIterable<Uint8Array>) | undefined;
      /** The hop got the DSN parameters: it will report. */
      readonly dsn: boolean;
      /** The hop got the time by which to deliver: it will see to it. */
      readonly deliverBy: boolean;
      /** The hop got the certifier: it can be asked. */
      readonly tracked: boolean;
    }
  | { readonly kind: 'refuse'; readonly reply: Reply };

/** What a hop gets to see of a message. */
export interface HopMessage
  extends Pick<QueuedMessage, 'sender' | 'params' | 'prefix' | 'content'> {
  readonly received: number;
  /** It is ours to vouch for. */
  readonly sign?: boolean | undefined;
  /** It is sent on, with what we saw of it. */
  readonly seal?: SealRequest | undefined;
}

export interface Addressee {
  readonly address: string;
  readonly params: readonly string[];
}

// RFC 6531 §3.2 (4), RFC 3463 §3.7 as RFC 5248 has it: X.6.7.
const noUtf8 = reply(553, '6.7', 'The next host does not take internationalised mail (SMTPUTF8)');

/** What there is to know of a hop, and of the moment. */
export interface HopFacts {
  readonly capabilities: Capabilities;
  /** An LMTP server: what it takes goes no further. */
  readonly delivers: boolean;
  /** We are the author's client, and this is the first server. */
  readonly submission?: boolean | undefined;
  readonly now: number;
}

/** @throws what reading the content throws. */
export async function fitToHop(
  message: HopMessage,
  recipients: readonly Addressee[],
  facts: HopFacts,
  steps: readonly OutboundStep[],
): Promise<Fit> {
  const hop = facts.capabilities;
  const travelling = mailParams(message, facts);
  if ('refuse' in travelling) return { kind: 'refuse', reply: travelling.refuse };
  let form = wholeOf(message);
  for (const step of steps) {
    const given = step(form, hop);
    const next = given instanceof Promise ? await given : given;
    if ('refuse' in next) return { kind: 'refuse', reply: next.refuse };
    form = next;
  }
  const { sender } = message;
  const needed = needsUtf8(message, recipients, hop);
  const utf8 = needed instanceof Promise ? await needed : needed;
  if (utf8 && !hop.keywords.has('SMTPUTF8')) return { kind: 'refuse', reply: noUtf8 };
  const address = utf8 ? unchanged : withAsciiDomain;
  const { body, pieces, size } = form;
  const own = [...(body === undefined ? none : bodyParams[body]), ...(utf8 ? ['SMTPUTF8'] : none)];
  const deliverBy = hop.keywords.has('DELIVERBY');
  const added = {
    delay: !deliverBy && requestsOf(message).deliverBy !== undefined,
    // RFC 4141 §5.2: whoever goes on under CONPERM MUST ask, and MAY then send the original form.
    conneg: travelling.includes('CONPERM') && hop.keywords.has('CONNEG'),
  };
  return {
    kind: 'fits',
    dsn: hop.keywords.has('DSN'),
    deliverBy,
    tracked: travelling.some((param) => param.startsWith('MTRK=')),
    read: pieces === undefined ? () => form.read({ reuse: true }) : undefined,
    envelope: {
      sender: address(sender),
      params: own.length === 0 ? travelling : [...own, ...travelling],
      content: pieces === undefined ? { kind: 'stream', size } : { kind: 'memory', pieces },
      binary: body === 'BINARYMIME',
    },
    refused: refusedRecipients(recipients, hop),
    recipient: (recipient) => ({
      address: address(recipient.address),
      params: rcptParams(recipient.params, hop, added),
    }),
  };
}

const none: readonly string[] = [];
const unchanged = (address: string): string => address;

/** BODY and SMTPUTF8 are decided above; everything else has its own rule. */
function mailParams(
  { params, received }: HopMessage,
  { capabilities, delivers, submission = false, now }: HopFacts,
): readonly string[] | { readonly refuse: Reply } {
  if (params.length === 0) return none;
  const hop = { offered: capabilities.keywords, waitedMs: now - received, delivers, submission };
  const travelling: string[] = [];
  for (const param of parseStoredMailParams(params)) {
    if (param.name === 'BODY' || param.name === 'SMTPUTF8') continue;
    const travel = relayMailParam(param, hop);
    if (travel.kind === 'refuse') return { refuse: travel.reply };
    if (travel.kind === 'send') travelling.push(travel.value);
  }
  return travelling;
}

function rcptParams(
  wire: readonly string[],
  hop: Capabilities,
  added: { readonly delay: boolean; readonly conneg: boolean },
): readonly string[] {
  const asked = added.delay ? withDelay(wire) : wire;
  const travelling: string[] = added.conneg ? ['CONNEG'] : [];
  if (asked.length === 0) return added.conneg ? travelling : none;
  for (const param of parseStoredRcptParams(asked)) {
    const travel = relayRcptParam(param, { offered: hop.keywords });
    if (travel.kind === 'send') travelling.push(travel.value);
  }
  return travelling;
}

function refusedRecipients(
  recipients: readonly Addressee[],
  hop: Capabilities,
): ReadonlyMap<number, Reply> {
  let refused: Map<number, Reply> | undefined;
  for (const [index, { params }] of recipients.entries())
    for (const param of params.length === 0 ? [] : parseStoredRcptParams(params)) {
      const travel = relayRcptParam(param, { offered: hop.keywords });
      if (travel.kind !== 'refuse') continue;
      refused ??= new Map();
      refused.set(index, travel.reply);
    }
  return refused ?? nobody;
}

const nobody: ReadonlyMap<number, Reply> = new Map();

/**
 * RFC 2852 §4.1.4.2: where the hop does not know of the time, it is asked to tell of delays, unless the sender
 * wants to hear of nothing.
 */
function withDelay(wire: readonly string[]): readonly string[] {
  const { success, failure, delay } = notifyOf(wire);
  if (!success && !failure && !delay) return wire;
  const words = [success && 'SUCCESS', failure && 'FAILURE', 'DELAY'].filter(Boolean);
  return [...wire.filter((param) => !/^NOTIFY=/i.test(param)), `NOTIFY=${words.join(',')}`];
}

const bodyParams = {
  '8BITMIME': ['BODY=8BITMIME'],
  BINARYMIME: ['BODY=BINARYMIME'],
} as const;

/** Trace fields and content, as one. */
function wholeOf({ prefix, params, content, sign, seal }: HopMessage): OutboundMessage {
  const declared =
    params.length === 0 ? undefined : findParam(parseStoredMailParams(params), 'BODY')?.body;
  const body = declared === '7BIT' ? undefined : declared;
  const front = prefix === '' ? undefined : Buffer.from(prefix);
  const { bytes } = content;
  return {
    size: (front?.length ?? 0) + content.size,
    pieces: bytes === undefined ? undefined : front === undefined ? [bytes] : [front, bytes],
    async *read(options) {
      if (front !== undefined) yield front;
      yield* content.read(options);
    },
    body,
    sign,
    seal,
  };
}

const ascii = /^[\x00-\x7f]*$/;

/**
 * Whether the message goes as an internationalised one. RFC 6531 §3.2 asks for the parameter when
 * addresses or header fields need it. Field: many clients give it whenever it is offered, and it would
 * be a pity to bounce what any host can take.
 * Deviation: for that, header fields of embedded messages and parts are not looked at.
 */
function needsUtf8(
  message: HopMessage,
  recipients: readonly Addressee[],
  hop: Capabilities,
): boolean | Promise<boolean> {
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
