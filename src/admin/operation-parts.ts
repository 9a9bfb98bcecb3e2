// What operations work with: the stores, in the server that owns them or in a command that has opened
// them because no server runs; and the server itself, where there is one.

import type { Clock } from '../base/clock.ts';
import type { Metric } from '../base/metrics.ts';
import type { DestinationDesk } from '../queue/destination-facts.ts';
import type { MessageStory } from '../queue/story.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { HistorySearch } from '../store/history-search.ts';
import type { StoreMaintenance } from '../store/maintenance.ts';
import type { QueueStore, Way } from '../store/queue-store.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { Statistics, StatisticsPeriod } from './statistics.ts';
import type { HandedIn, Submitted } from './submission.ts';

export interface OperationParts {
  readonly queue: QueueStore;
  readonly folders: FolderStore;
  readonly accounts: AccountStore;
  readonly records: RecordStore;
  readonly maintenance: StoreMaintenance;
  readonly clock: Clock;
  /** The account an address belongs to; in `dev`, any address. */
  readonly accountOf: (address: string) => Promise<string | undefined>;
  /** Mail for the domain is delivered here. */
  readonly isOurs: (domain: string) => boolean;
  /** `postrider dev`: mail is there to be looked at and thrown away. */
  readonly dev: () => boolean;
  /** Takes a message from the queue, with or without a bounce; how many recipients that were. */
  readonly cancel: (id: string, options: { readonly silent: boolean }) => Promise<number>;
  /**
   * The way that an operator names, instead of the one that routes say; without a name the latter.
   * @throws OperationError when it leads nowhere.
   */
  readonly wayTo: (named: string | undefined) => (address: string) => Way;
  /** By queue id or Message-ID. */
  readonly storiesOf: (id: string) => Promise<readonly MessageStory[]>;
  /** Undefined where no history is kept. */
  readonly search: HistorySearch | undefined;
  /** Something may be due now. */
  readonly wake: () => void;
  /** Undefined where none runs. */
  readonly server: RunningParts | undefined;
}

export interface RunningParts {
  /** Reads the configuration and the certificates again. */
  readonly reload: () => Promise<Reloaded>;
  readonly metrics: () => readonly Metric[];
  readonly destinations: DestinationDesk;
  readonly sessions: SessionDesk;
  readonly statistics: (period: StatisticsPeriod) => Promise<Statistics>;
  readonly submit: (message: HandedIn) => Promise<Submitted>;
  readonly webhooks: WebhookDesk;
}

/** Connections that are open. */
export interface SessionDesk {
  list(): readonly OpenSession[];
  /** False when it is gone. */
  end(id: string): boolean;
}

export interface OpenSession {
  readonly id: string;
  readonly service: string;
  readonly client: string;
  /** In milliseconds since 1970. */
  readonly since: number;
  readonly secure: boolean;
  readonly account?: string | undefined;
  readonly phase?: string | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface WebhookDesk {
  list(): readonly WebhookState[];
  test(name: string): Promise<WebhookAttempt>;
}

export interface WebhookState {
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly waiting: number;
  readonly givenUp: number;
  readonly nextAttempt?: number | undefined;
  readonly attempts: readonly WebhookAttempt[];
}

export interface WebhookAttempt {
  readonly at: number;
  readonly event: string;
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly status?: number | undefined;
  readonly ms: number;
  readonly problem?: string | undefined;
}

/** What came of reading the configuration again. */
export interface Reloaded {
  /** One a line, if the configuration stays as it was. */
  readonly problems: readonly string[];
  /** Settings that were changed and are taken at the next start only. */
  readonly later: readonly string[];
}
