// What is told of messages: the events of history under the names that outsiders know. docs/operating.md lists them.

import { destinationText } from '../queue/destination-text.ts';
import type { AttemptResult, HistoryEvent } from '../store/history.ts';
import type { News } from './event-hub.ts';

export const messageEvents = [
  'message.received',
  'message.delivered',
  'message.deferred',
  'message.bounced',
  'message.cancelled',
  'message.refused',
] as const;
export type MessageEvent = (typeof messageEvents)[number];

export interface MessageNews extends News {
  readonly event: MessageEvent;
}

const eventOf: Readonly<Record<AttemptResult['result'], MessageEvent>> = {
  delivered: 'message.delivered',
  relayed: 'message.delivered',
  deferred: 'message.deferred',
  skipped: 'message.deferred',
  failed: 'message.bounced',
  expired: 'message.bounced',
};

/** One for each recipient of an attempt. */
export function newsOf(event: HistoryEvent): readonly MessageNews[] {
  const about = { at: new Date(event.at).toISOString(), id: event.id };
  switch (event.kind) {
    case 'received': {
      const { sender, recipients, recipientCount, size, messageId, origin } = event;
      const { service, clientAddress: client, account } = origin;
      return [
        {
          ...{ ...about, event: 'message.received', sender, recipients, recipientCount, size },
          ...{ messageId, service, client, account },
        },
      ];
    }
    case 'attempt':
      return event.results.map(({ address, result, attempt, reply, host, tls, until }) => ({
        ...{ ...about, event: eventOf[result], recipient: address, result, attempt, reply },
        ...{ host, tls, destination: destinationText(event.destination) },
        ...(until !== undefined && { nextAttempt: new Date(until).toISOString() }),
      }));
    case 'cancelled':
      return [{ ...about, event: 'message.cancelled', recipients: event.recipients }];
    case 'refused': {
      const { from, to, findings: _, ...facts } = event.refusal;
      return [{ ...about, event: 'message.refused', sender: from, recipient: to, ...facts }];
    }
    default:
      return [];
  }
}
