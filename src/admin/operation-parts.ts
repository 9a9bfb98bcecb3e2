// What operations work with: the stores, in the server that owns them or in a command that has opened
// them because no server runs; and the server itself, where there is one.

import type { RevocationReason } from '../acme/revocation.ts';
import type { Clock } from '../base/clock.ts';
import type { Metric } from '../base/metrics.ts';
import type { AbuseReports } from '../deliver/reports/abuse-reports.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { RuleBook } from '../policy/rules/rule-book.ts';
import type { SortedMessages } from '../policy/spam/junk-learner.ts';
import type { DestinationDesk } from '../queue/line/destination-facts.ts';
import type { MessageStory } from '../queue/story/story.ts';
import type { WaitingLine } from '../queue/taking-out.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { FolderStore } from '../store/folder-store.ts';
import type { HistorySearch } from '../store/history-search.ts';
import type { StoreMaintenance } from '../store/maintenance.ts';
import type { Nodes } from '../store/nodes.ts';
import type { QueueStore, Way } from '../store/queue-store.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { Spool } from '../store/spool.ts';
import type { EventHub } from '../watch/event-hub.ts';
import type { NodeQuestions } from '../watch/nodes/node-questions.ts';
import type { Statistics, StatisticsPeriod } from '../watch/statistics.ts';
import type {
  CatcherDesk,
  CheckDesk,
  HandedIn,
  PublishedDesk,
  SessionDesk,
  Submitted,
  WebhookDesk,
} from './desks.ts';

export interface OperationParts {
  readonly queue: QueueStore;
  readonly folders: FolderStore;
  readonly spool: Pick<Spool, 'store' | 'remove'>;
  readonly accounts: AccountStore;
  readonly records: RecordStore;
  readonly rules: Pick<RuleBook, 'of' | 'set'>;
  readonly maintenance: StoreMaintenance;
  readonly nodes: Nodes;
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
  /** What waits in the memory of the runner in this process, if there is one. */
  readonly line: WaitingLine;
  /** Something may be due now. */
  readonly wake: () => void;
  readonly audit: Pick<AuditLog, 'page'>;
  /** As it is called in the configuration. */
  readonly hostname: () => string;
  /** Undefined where none runs. */
  readonly server: RunningParts | undefined;
}

/** Where a service is reached. */
export interface ListeningPlace {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
}

export interface RunningParts {
  /** Reads the configuration and the certificates again. */
  readonly reload: () => Promise<Reloaded>;
  /** It finishes what it has, and ends. */
  readonly end: () => void;
  /** Resolves to its names. @throws OperationError */
  readonly revokeCertificate: (
    name: string,
    reason: RevocationReason,
  ) => Promise<readonly string[]>;
  readonly metrics: () => readonly Metric[];
  readonly abuse: Pick<AbuseReports, 'send'>;
  readonly destinations: DestinationDesk;
  readonly sessions: SessionDesk;
  /** The other nodes. */
  readonly others: Pick<NodeQuestions, 'ask'>;
  readonly statistics: (period: StatisticsPeriod) => Promise<Statistics>;
  /** The owner of an account has put messages where they call them spam, or not. */
  readonly sorted: (messages: SortedMessages) => void;
  readonly submit: (message: HandedIn) => Promise<Submitted>;
  readonly webhooks: WebhookDesk;
  readonly published: PublishedDesk;
  readonly checks: CheckDesk;
  /** Undefined but in `dev`. */
  readonly catcher: CatcherDesk | undefined;
  readonly listening: () => readonly ListeningPlace[];
  /** Tells what happens as it happens. */
  readonly hub: EventHub;
}

/** What came of reading the configuration again. */
export interface Reloaded {
  /** One a line, if the configuration stays as it was. */
  readonly problems: readonly string[];
  /** Settings that were changed and are taken at the next start only. */
  readonly later: readonly string[];
}
