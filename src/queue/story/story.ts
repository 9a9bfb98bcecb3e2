// The story of a message: what is left of it in the queue and what its history says, by whatever it is
// asked for. story-text.ts tells it to people.

import type { HistoryEvent, HistoryStore } from '../../store/history.ts';
import { bareMessageId, sameMessageId } from '../../store/history.ts';
import { queueEntries } from '../../store/queue-entries.ts';
import type { QueueEntry, QueueStore } from '../../store/queue-store.ts';

/** Everything known of one message. */
export interface MessageStory {
  readonly id: string;
  /** What is left of it in the queue. */
  readonly queued: WaitingEntry | undefined;
  /** Oldest first. */
  readonly events: readonly HistoryEvent[];
}

export interface WaitingEntry extends Omit<QueueEntry, 'recipients'> {
  readonly recipients: readonly WaitingRecipient[];
}

export type WaitingRecipient = QueueEntry['recipients'][number] & {
  /** Why nothing is attempted though its time has come, in words; where nobody is known to know, undefined. */
  readonly waits?: string | undefined;
};

/** Limit: messages that share a Message-ID and are still queued. */
const storiesMax = 20;

/** By queue id or Message-ID, what was refused also by address or session; [] when nothing is known. */
export async function storiesOf(
  {
    store,
    history,
  }: { readonly store: QueueStore; readonly history: Pick<HistoryStore, 'find' | 'findRefused'> },
  id: string,
): Promise<readonly MessageStory[]> {
  const found = new Map<string, HistoryEvent[]>();
  for (const event of await history.find(id)) {
    const events = found.get(event.id) ?? [];
    events.push(event);
    found.set(event.id, events);
  }
  // History may have been lost, or not kept that long: the queue knows what it holds.
  for (const queued of await queuedAs(store, id)) if (!found.has(queued)) found.set(queued, []);
  const stories: MessageStory[] = [];
  for (const [of, events] of found) stories.push({ id: of, queued: await store.get(of), events });
  // A refusal is a story of its own: there is no message, only a session.
  for (const event of await history.findRefused(id))
    stories.push({ id: event.id, queued: undefined, events: [event] });
  return stories;
}

/** Queue ids of what is queued under this id or Message-ID. */
async function queuedAs(store: QueueStore, id: string): Promise<string[]> {
  if ((await store.get(id)) !== undefined) return [id];
  const found: string[] = [];
  if (!id.includes('@')) return found;
  for await (const entry of queueEntries(store, { text: bareMessageId(id) })) {
    if (sameMessageId(entry.messageId, id)) found.push(entry.id);
    if (found.length >= storiesMax) break;
  }
  return found;
}
