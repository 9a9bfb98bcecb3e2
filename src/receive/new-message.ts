// From an envelope and what has arrived to the message that is queued: with what is put in front of it, and
// what is known of how it came.

import { formatMailbox } from '../mail/fields/address.ts';
import { scanHeader } from '../mail/header/header.ts';
import type { ClientFacts, Envelope } from '../policy/envelope.ts';
import type { DeliverByParam } from '../smtp/extensions/deliver-by.ts';
import { findParam, formatMailParam } from '../smtp/extensions/index.ts';
import type { NewMessage, NewRecipient, Origin } from '../store/queue-store.ts';
import { stamp } from './stamp.ts';
import type { Taking } from './taking.ts';

export interface MessageFacts {
  readonly hostname: string;
  readonly taking: Taking;
  /** Whom it is queued for. */
  readonly recipients: readonly NewRecipient[];
  /** Where it belongs in somebody's traces. */
  readonly trace: string | undefined;
}

export function newMessage({ hostname, taking, recipients, trace }: MessageFacts): NewMessage {
  const { now, envelope, draft, transaction, held } = taking;
  const { id, above, below, arrival } = draft;
  const { client, params } = envelope;
  const { content, header } = arrival;
  const sender = envelope.sender === null ? '' : formatMailbox(envelope.sender);
  const origin = {
    ...originOf(envelope, transaction.extended),
    ...(trace !== undefined && { trace }),
  };
  const messageId =
    header.messageId ?? (below === '' ? undefined : scanHeader(Buffer.from(below)).messageId);
  const priority = findParam(params, 'MT-PRIORITY')?.priority;
  const stamped = { id, now, hostname, client, origin, recipients, priority };
  return {
    ...{ id, received: now, sender, recipients },
    params: travelling(taking, recipients),
    prefix: above + stamp(stamped) + below,
    ...{ content, origin, messageId },
    ...(held && { held }),
  };
}

function originOf({ client, params, findings }: Envelope, extended: boolean): Origin {
  const utf8 = findParam(params, 'SMTPUTF8') !== undefined;
  return {
    session: client.session,
    service: client.service,
    clientAddress: client.remote.address,
    hello: client.hello,
    protocol: protocolOf(client, { utf8, extended }),
    ...(client.account !== undefined && { account: client.account }),
    ...(client.tls !== undefined && { tls: `${client.tls.protocol} ${client.tls.cipher}` }),
    ...(findings.length > 0 && { findings: [...findings] }),
  };
}

// RFC 3848, RFC 6531 §4.3: the "with" keywords.
function protocolOf(
  { tls, account, service }: ClientFacts,
  { utf8, extended }: { readonly utf8: boolean; readonly extended: boolean },
): string {
  const suffix = `${tls === undefined ? '' : 'S'}${account === undefined ? '' : 'A'}`;
  if (utf8) return `${service === 'lmtp' ? 'UTF8LMTP' : 'UTF8SMTP'}${suffix}`;
  if (service === 'lmtp') return `LMTP${suffix}`;
  return extended ? `ESMTP${suffix}` : 'SMTP';
}

const none: readonly string[] = [];

/** SIZE is computed anew for each hop; everything else is kept for the next one. */
function travelling(
  { envelope, now, transaction }: Taking,
  recipients: readonly NewRecipient[],
): readonly string[] {
  const { params } = envelope;
  const takenMs = now - transaction.began;
  if (params.length === 0) return none;
  // RFC 3885 §3.3: where a recipient became several, none of them gets the certifier.
  const isExpanded = recipients.length > envelope.recipients.length;
  return params
    .filter(({ name }) => name !== 'SIZE' && !(name === 'MTRK' && isExpanded))
    .map((param) => formatMailParam(param.name === 'BY' ? lessTime(param, takenMs) : param));
}

/** RFC 2852 §4: the time runs from MAIL on; what is queued counts from when it was received. */
export const lessTime = (by: DeliverByParam, takenMs: number): DeliverByParam => ({
  ...by,
  seconds: by.seconds - Math.floor(takenMs / 1000),
});
