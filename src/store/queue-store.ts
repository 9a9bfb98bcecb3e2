// The queue at rest. One message has recipients; each recipient has one destination, which is what
// concurrency limits and fairness are about; the unit of work is a Lease: one message, one
// destination, all its recipients that are due there.

import type { Finding } from '../mail/finding.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Content, StoredContent } from './content.ts';
import type { NewMailboxMessage, Quota } from './folder-store.ts';
import type { Turn } from './nodes.ts';
import type { BacklogTimes, QueueBacklog, QueueFilter, QueueTotals } from './queue-search.ts';
import type { StoredRecord } from './record-store.ts';

/** How a message came in: for logs and `why`. JSON-serialisable. */
export interface Origin {
  readonly session: string;
  readonly service: string;
  readonly clientAddress?: string;
  readonly hello?: string;
  readonly account?: string;
  /** The phone that handed it in, and its command: `iPhone ApplF1, SendMail`. */
  readonly device?: string;
  /** RFC 3848 keyword: ESMTP, ESMTPS, ESMTPSA, LMTP, UTF8SMTP …; 'local' for our own mail. */
  readonly protocol: string;
  readonly tls?: string;
  /** The message that this one follows from: a notification, an answer, or itself sent on. */
  readonly parent?: string;
  /** Where it belongs in somebody's traces, as a `traceparent` (W3C Trace Context §3.2). */
  readonly trace?: string;
  /** What policies found out about it, in order. */
  readonly findings?: readonly Finding[];
}

/** Where mail for a recipient goes next. */
export interface Way {
  /**
   * How it is delivered: `local` to mailboxes of ours, whoever keeps them; `relay` by a server that
   * takes it from us; `discard` not at all, as its route says.
   */
  readonly delivery: 'local' | 'relay' | 'discard';
  /**
   * What concurrency limits and fairness are about, in deliver/route.ts's words: `local`, `discard`,
   * `mx:example.net`, `host:…`, `lmtp:…`.
   */
  readonly destination: string;
}

export interface NewRecipient extends Way {
  /** In wire form, `local@domain`, quoted where the grammar asks for it. */
  readonly address: string;
  /** RCPT parameters in wire form: `NOTIFY=NEVER`, `ORCPT=rfc822;…`. */
  readonly params: readonly string[];
  /** The RCPT address it came from when an alias made this recipient. */
  readonly original?: string;
}

export interface NewMessage {
  /** From queue/message-id.ts: sortable by time, unique for ever in this store. */
  readonly id: string;
  readonly received: number;
  /** Wire form; '' is the null reverse-path. */
  readonly sender: string;
  /** MAIL parameters in wire form, those that travel: `BODY=8BITMIME`, `SMTPUTF8`, `RET=HDRS` … */
  readonly params: readonly string[];
  readonly recipients: readonly NewRecipient[];
  /** Trace fields put in front of the content; CRLF line ends; '' for none. */
  readonly prefix: string;
  readonly content: StoredContent;
  readonly origin: Origin;
  /** The Message-ID field without white space, if there is one: for `why`. */
  readonly messageId?: string | undefined;
  /** All its recipients are held from the beginning: enqueued without a lease. */
  readonly held?: boolean | undefined;
  /**
   * Put in the transaction that enqueues it, if it does: whoever finds them knows that it was taken. Where one of that kind
   * and key is there already it is not enqueued, and an error says so. Of kinds that nobody watches.
   */
  readonly records?: readonly StoredRecord[] | undefined;
}

export interface QueuedMessage {
  readonly id: string;
  readonly received: number;
  readonly sender: string;
  readonly params: readonly string[];
  readonly prefix: string;
  readonly content: Content;
  readonly origin: Origin;
  readonly messageId?: string | undefined;
}

export interface LeasedRecipient extends NewRecipient {
  /** Position in the message, from 0. */
  readonly index: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly fence: number;
  /** A delay notice has been sent (or need not be). */
  readonly warned: boolean;
  /** The account in whose mailbox it has room: what it needs there is kept free for it. */
  readonly room?: string;
}

/** What a message needs in mailboxes of ours, to be given in the transaction that enqueues it. */
export interface RoomAsked {
  /** What each account may have in all. */
  readonly quota: Quota;
  /** For each recipient of the message, in order: what it needs there; undefined: it is elsewhere. */
  readonly needs: readonly (RoomNeed | undefined)[];
  /**
   * For each reply that will be given, the positions of the recipients it speaks for: all of them for
   * SMTP, those of each RCPT for LMTP. One may be spoken for more than once.
   */
  readonly replies: readonly (readonly number[])[];
}

export interface RoomNeed {
  /** The account's primary address. */
  readonly account: string;
  /** Octets of the message as the mailbox will keep it. */
  readonly bytes: number;
}

export interface EnqueuedWithRoom {
  /** As of `enqueue`. */
  readonly leases: readonly Lease[];
  /** Which replies say no, since nobody they speak for has room. */
  readonly full: readonly number[];
  /** Positions of the recipients that are in the queue now; [] when nothing is. */
  readonly queued: readonly number[];
}

/** Our right to attempt these recipients until `expires`. Kept by fences, not by a connection. */
export interface Lease {
  readonly message: QueuedMessage;
  readonly destination: string;
  readonly recipients: readonly LeasedRecipient[];
  readonly expires: number;
}

export type Outcome =
  /** Delivered here, taken by the next hop, or discarded: the recipient leaves the queue. */
  | { readonly kind: 'delivered' }
  /** Tried again at `until`. `warned` is stored when given. */
  | {
      readonly kind: 'deferred';
      readonly until: number;
      readonly reply: Reply;
      readonly warned?: boolean;
    }
  /** Not attempted: due again at `until`; no attempt is counted, and the last reply stays. */
  | { readonly kind: 'skipped'; readonly until: number; readonly warned?: boolean }
  /** Leaves the queue; whoever must know is told by a message in the same settlement. */
  | { readonly kind: 'failed' };

/**
 * How much older mail of one level of priority less has to be to go first: what is urgent overtakes (RFC 6710),
 * and nothing waits for ever.
 */
export const priorityLevelMs = 10 * 60_000;

/** All of it happens in one transaction, or none of it. */
export interface Settlement {
  readonly message: string;
  readonly outcomes: readonly {
    readonly index: number;
    readonly fence: number;
    readonly outcome: Outcome;
  }[];
  /** In this order. */
  readonly effects: readonly Effect[];
}

/** What follows from an attempt, beside the outcomes of its recipients. */
export type Effect = AppendEffect | EnqueueEffect | RememberEffect;

/**
 * A message for a folder. One that is missing is made if `create` says so; where it is not, or cannot be,
 * the message goes to INBOX. Room for it has been taken: see RoomAsked and takeRoom().
 */
export interface AppendEffect extends NewMailboxMessage {
  readonly kind: 'append';
  readonly create?: boolean;
}

/** Mail that follows from this mail: a notification, an answer, the message sent on. Due at once. */
export interface EnqueueEffect {
  readonly kind: 'enqueue';
  /** A word for `why`: `redirect`, `vacation`, `reject` … */
  readonly reason: string;
  readonly message: Omit<NewMessage, 'content'> & {
    /** `queued` shares the content of the message that is settled. */
    readonly content: StoredContent | { readonly kind: 'queued'; readonly id: string };
  };
}

/** Makes remembered() say true until then. The same key again counts from now on. */
export interface RememberEffect {
  readonly kind: 'remember';
  /** The account's primary address: what it remembers goes with it. */
  readonly account: string;
  /** Any text: whoever remembers says in it what for. */
  readonly key: string;
  readonly until: number;
}

/** Limit: what an account remembers. Of more, what would be forgotten first is forgotten. */
export const rememberedMax = 2000;

export type RecipientState = 'queued' | 'active' | 'held';

export interface QueueEntry {
  readonly id: string;
  readonly sender: string;
  readonly received: number;
  readonly size: number;
  readonly params: readonly string[];
  readonly origin: Origin;
  readonly messageId?: string | undefined;
  readonly recipients: readonly (NewRecipient & {
    readonly index: number;
    readonly state: RecipientState;
    /** Attempts made so far. */
    readonly attempts: number;
    readonly nextAttempt: number | undefined;
    readonly lastReply: Reply | undefined;
  })[];
}

export interface QueueFound {
  /** Oldest first. */
  readonly entries: readonly QueueEntry[];
  /** For the page after; null on the last. */
  readonly next: string | null;
}

export interface QueueStore extends AsyncDisposable {
  /**
   * All recipients or none, durable once resolved: then we may say 250 (RFC 5321 §4.2.5).
   * With `leaseUntil` its recipients are the caller's from birth and come back as leases, one per
   * destination, with the content still in memory; without it they are due now, and [] comes back.
   * With `turn` it is enqueued in that turn, or not at all.
   * @throws StorageError when the disk is full or fails; TurnLostError.
   */
  enqueue(
    message: NewMessage,
    options: { leaseUntil: number | undefined; turn?: Turn | undefined },
  ): Promise<readonly Lease[]>;

  /**
   * The same, for as many as there is room: usage, what is queued already and this message are added
   * up in the transaction. Recipients that only full replies speak for are not queued; others without
   * room are, and have to take it before they are delivered. Nothing is queued when all replies are
   * full. Room is given back when a recipient leaves the queue, whatever the reason.
   */
  enqueueWithRoom(
    message: NewMessage,
    options: { readonly leaseUntil: number | undefined; readonly room: RoomAsked },
  ): Promise<EnqueuedWithRoom>;

  /**
   * Room for a recipient that is in the queue without. True when it has it now; false when the
   * mailbox is full, or the recipient gone.
   */
  takeRoom(id: string, index: number, ask: RoomNeed & { readonly quota: Quota }): Promise<boolean>;

  /** What the queue holds for an account that its mailbox does not hold yet. */
  roomTaken(account: string): Promise<Quota>;

  /**
   * Due recipients held by nobody else, as leases. At most `limit` leases, at most `perDestination`
   * of them for one destination, none for a destination in `skip`; a destination with very many
   * due recipients does not keep others out. Of one destination the oldest come first, each by
   * `priorityLevelMs` sooner for each level of the priority that its message asks for.
   */
  claim(options: {
    readonly now: number;
    readonly limit: number;
    readonly perDestination: number;
    readonly skip: ReadonlySet<string>;
    readonly leaseMs: number;
  }): Promise<readonly Lease[]>;

  /**
   * Records what happened. False if a lease was lost (fence): then nothing was recorded.
   * Visible to other processes once resolved; flushed with the next commit, or before it resolves
   * when it has effects.
   */
  settle(settlement: Settlement): Promise<boolean>;

  /** Whether an effect made the account remember this, and not so long ago that it is over. */
  remembered(account: string, key: string): Promise<boolean>;

  /**
   * False while other processes may be taking what this one holds: none of them heard it for too long, since it was
   * cut off or stood still. Nothing is to be begun then; watch() tells when it is over.
   */
  readonly isSure: boolean;
  /** Whether others have taken it, as far as this process has learnt: it is not to be attempted. */
  isLost(lease: Lease): boolean;

  /** Gives leases back unattempted (shutdown): due now again, attempts not counted. */
  release(leases: readonly Lease[]): Promise<void>;

  /** When the next recipient outside `skip` falls due, so that nobody has to poll. */
  nextDue(skip: ReadonlySet<string>): Promise<number | undefined>;

  /**
   * Called when something may be due sooner than nextDue() said, because another process that shares the queue
   * did something to it. Returns what ends it.
   */
  watch(listener: () => void): () => void;

  // Whoever only looks writes nothing: that works with a full disk, too.

  /**
   * What the filter holds for, oldest first; queueEntries() gives all of it. A page is shorter than asked for
   * where recipients are many. Deliveries do not wait for it.
   */
  search(
    filter: QueueFilter,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<QueueFound>;
  /**
   * How much that is. Of everything, or of a state, it is known at once; whatever else is looked for is counted
   * from the oldest on, for `withinMs` or to the end.
   */
  totals(
    filter: QueueFilter,
    options?: { readonly withinMs?: number | undefined },
  ): Promise<QueueTotals>;
  /** The `recipients` of all totals, for the statistics, which ask each minute. */
  recipientCount(): Promise<number>;
  /** What waits for each destination, the largest backlog first. */
  backlogs(): Promise<readonly QueueBacklog[]>;
  /** Of these destinations, in their order. */
  backlogTimes(destinations: readonly string[]): Promise<readonly BacklogTimes[]>;
  get(id: string): Promise<QueueEntry | undefined>;
  /** The message with its content, as a delivery would get it. */
  open(id: string): Promise<QueuedMessage | undefined>;
  /** The greatest id there is, so that new ones are greater even when the clock was set back. */
  newest(): Promise<string | undefined>;

  /**
   * Due now. All messages without ids. Returns how many recipients. Held ones stay held, and what is to
   * leave later (RFC 4865) is not due before, whatever becomes of it.
   */
  retry(ids: readonly string[] | undefined, now: number): Promise<number>;
  /** Takes from the queue's reach (after the attempt that may be under way). */
  hold(ids: readonly string[]): Promise<number>;
  /** Due now again. */
  unhold(ids: readonly string[], now: number): Promise<number>;
  /**
   * Leases whatever of the message is not under way, so that the caller can settle it as failed.
   * Held recipients too.
   */
  take(id: string, options: { now: number; leaseMs: number }): Promise<readonly Lease[]>;

  /** Gives recipients of these messages a new way, and keeps it when routes change. */
  rerouteSome(ids: readonly string[], wayOf: (address: string) => Way): Promise<number>;
  /** Gives recipients a new way when routes changed. */
  reroute(wayOf: (address: string, destination: string) => Way): Promise<number>;
}
