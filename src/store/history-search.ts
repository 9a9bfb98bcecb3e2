// What is asked of the history as a whole: which messages, which refusals. One message's story is
// HistoryStore.find's.

export const messageStates = [
  /** Not attempted yet, or under way. */
  'queued',
  /** Attempted, and to be attempted again. */
  'deferred',
  /** All recipients have it, here or at the next hop. */
  'delivered',
  /** Given up for one recipient or more; nothing waits. */
  'bounced',
  /** Taken from the queue by an operator. */
  'cancelled',
] as const;
export type MessageState = (typeof messageStates)[number];
export type Direction = 'inbound' | 'outbound' | 'own';

interface Asked {
  /** An address, or `@domain`. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  /** Words, or beginnings of words. */
  readonly text?: string | undefined;
  /** Its address. */
  readonly client?: string | undefined;
  readonly account?: string | undefined;
  /** In milliseconds since 1970; `until` itself is not among them. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface MessagesAsked extends Asked {
  readonly state?: MessageState | undefined;
  readonly direction?: Direction | undefined;
}

export interface RefusalsAsked extends Asked {
  readonly stage?: string | undefined;
}

export interface MessageFound {
  readonly id: string;
  readonly received: number;
  readonly sender: string;
  /** The first of them. */
  readonly recipients: readonly string[];
  readonly recipientCount: number;
  readonly size: number;
  readonly messageId?: string | undefined;
  readonly service: string;
  readonly client?: string | undefined;
  readonly account?: string | undefined;
  readonly direction: Direction;
  readonly state: MessageState;
  readonly lastReply?: string | undefined;
  readonly lastEvent: number;
}

export interface RefusalFound {
  readonly at: number;
  readonly session?: string | undefined;
  readonly service?: string | undefined;
  readonly client: string;
  readonly hello?: string | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly recipientCount: number;
  readonly messageId?: string | undefined;
  readonly account?: string | undefined;
  readonly stage: string;
  readonly reply?: string | undefined;
  readonly reason: string;
  /** In words. */
  readonly findings: readonly string[];
}

export interface HistoryPage<Item> {
  /** Newest first; fewer than asked for where looking takes long. */
  readonly items: readonly Item[];
  /** For the page after; null on the last. */
  readonly next: string | null;
  /** What was recorded a moment ago has been looked at, too. */
  readonly upToDate: boolean;
}

export interface HistorySearch {
  messages(asked: MessagesAsked): Promise<HistoryPage<MessageFound>>;
  refusals(asked: RefusalsAsked): Promise<HistoryPage<RefusalFound>>;
}
