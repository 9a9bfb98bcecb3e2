// Reports that come by mail to the addresses for them: read beside the delivery, never in its way, and what they
// say kept as records for `postrider report`. The mail itself is delivered as any other. Whatever is wrong with a
// report costs a line in the log; one report is read at a time, and of those that wait only so many.

import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { addressKey, parseMailbox } from '../../mail/fields/address.ts';
import type { Finding } from '../../mail/finding.ts';
import { headerValue, parseHeader } from '../../mail/header/header.ts';
import { readHeader } from '../../mail/header/header-cut.ts';
import type { Deliver } from '../../queue/delivery.ts';
import type { FoundReport } from '../../report/find-report.ts';
import { findReport, looksLikeReport, reportMessageBytesMax } from '../../report/find-report.ts';
import { ReportError, shortText } from '../../report/report-error.ts';
import type { ReportKind, ReportSummary } from '../../report/summary.ts';
import { summaryOf } from '../../report/summary.ts';
import { allRecords } from '../../store/all-records.ts';
import type { Content } from '../../store/content.ts';
import type { LeasedRecipient, QueuedMessage } from '../../store/queue-store.ts';
import type { RecordStore } from '../../store/record-store.ts';

export interface ReceivedReportsParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly received?: Readonly<Record<ReportKind | 'unread', Counter>> | undefined;
  /** Read anew for each message. */
  readonly settings: () => {
    /** Addresses, or local parts alone: those at any domain of ours. */
    readonly receiveAt: readonly string[];
    /** How long a report is kept, in milliseconds. */
    readonly keep: number;
  };
}

/** The records: the key begins with the kind of report. */
export const receivedKind = 'received-report';

/** Limit: reports of a kind that are kept; of more, those of the earliest days go. */
export const keptMax = 10_000;
/** What goes then at once. */
const droppedAtOnce = 100;
/** Limit: reports that wait to be read, and their octets. */
const waitingMax = 20;
const waitingBytesMax = 64 * 2 ** 20;

interface Waiting {
  readonly id: string;
  readonly from: string;
  readonly verified: boolean | undefined;
  readonly message: Uint8Array;
  /** It waits no more. */
  readonly release: () => void;
}

export class ReceivedReports {
  readonly #parts: ReceivedReportsParts;
  /** How many more of a kind there may be, since it was counted last. */
  readonly #room = new Map<ReportKind, number>();
  #waiting = 0;
  #waitingBytes = 0;
  #reading: Promise<void> = Promise.resolve();
  #known: { readonly from: readonly string[]; readonly keys: ReadonlySet<string> } | undefined;

  constructor(parts: ReceivedReportsParts) {
    this.#parts = parts;
  }

  /** The same delivery, with an eye on what comes to the addresses for reports. */
  watch(deliver: Deliver): Deliver {
    return async (lease, signal) => {
      const result = await deliver(lease, signal);
      const { message, recipients } = lease;
      const isFor = (recipient: LeasedRecipient, at: number) =>
        result.recipients[at]?.kind === 'delivered' && this.#takes(recipient);
      if (recipients.some(isFor)) await this.#note(message);
      return result;
    };
  }

  /** Resolves when what has come so far has been read. */
  settled(): Promise<void> {
    return this.#reading;
  }

  #takes({ original, address }: LeasedRecipient): boolean {
    const { receiveAt } = this.#parts.settings();
    if (this.#known?.from !== receiveAt)
      this.#known = { from: receiveAt, keys: new Set(receiveAt.map(addressKey)) };
    const key = addressKey(original ?? address);
    const { keys } = this.#known;
    return keys.has(key) || keys.has(addressKey(parseMailbox(key)?.local ?? ''));
  }

  /** Content may be gone, or its memory in use for something else, once this has resolved. Never rejects. */
  async #note({ id, content, origin }: QueuedMessage): Promise<void> {
    const { log } = this.#parts;
    try {
      const head = await readHeader(content);
      if (!looksLikeReport(head)) return;
      const from = headerValue(parseHeader(head), 'from') ?? '';
      const room = waitingBytesMax - this.#waitingBytes;
      if (
        content.size > reportMessageBytesMax ||
        content.size > room ||
        this.#waiting >= waitingMax
      ) {
        log.warn('report not read', { id, from, reason: 'too large, or too many at once' });
        return;
      }
      // Counted before it is read: others come meanwhile.
      const release = this.#begin(content.size);
      const message = await wholeOf(content).catch((error: unknown) => {
        release();
        throw error;
      });
      const verified = isVerified(origin.findings);
      this.#reading = this.#reading.then(() =>
        this.#read({ id, from, verified, message, release }),
      );
    } catch (error) {
      log.error('report not read', { id, error: stackOf(error) });
    }
  }

  #begin(octets: number): () => void {
    this.#waiting += 1;
    this.#waitingBytes += octets;
    return () => {
      this.#waiting -= 1;
      this.#waitingBytes -= octets;
    };
  }

  async #read(waiting: Waiting): Promise<void> {
    const { id, from, message, verified, release } = waiting;
    const { log, clock, received: counters } = this.#parts;
    try {
      const found = await findReport(message, () => turn());
      if (found === undefined) return;
      // RFC 8460 §3: "Reports lacking such a signature MUST be ignored by the recipient."
      if (found.kind === 'tls' && verified === false)
        throw new ReportError('a TLS report without a DKIM signature that passes');
      const received = clock.now();
      const summary = summaryOf(found, { received, verified, from: shortText(from) });
      await this.#keep(summary);
      counters?.[summary.kind].add();
      log.info('report received', { id, from, type: summary.kind, domain: domainOf(found) });
    } catch (error) {
      counters?.unread.add();
      if (error instanceof ReportError)
        log.warn('report not read', { id, from, reason: error.message });
      else log.error('report not read', { id, from, error: stackOf(error) });
    } finally {
      release();
    }
  }

  async #keep(summary: ReportSummary): Promise<void> {
    const { records, clock, settings } = this.#parts;
    const key = keyOf(summary);
    const expires = clock.now() + settings().keep;
    await records.put([{ kind: receivedKind, key, value: JSON.stringify(summary), expires }]);
    if ((await records.count(receivedKind)) > keptMax) await this.#makeRoom(summary.kind, key);
  }

  /** There are so many of all kinds together: whether it is this one that has too many, is to be counted. */
  async #makeRoom(kind: ReportKind, latest: string): Promise<void> {
    const { records } = this.#parts;
    const room = this.#room.get(kind) ?? 0;
    this.#room.set(kind, room - 1);
    if (room > 0) return;
    const earliest: string[] = [];
    let count = 0;
    for await (const { key } of allRecords(records, receivedKind, { prefix: `${kind} ` })) {
      count += 1;
      if (earliest.length < droppedAtOnce && key !== latest) earliest.push(key);
    }
    if (count > keptMax) await records.remove(receivedKind, earliest);
    else this.#room.set(kind, keptMax - count);
  }
}

/** The same report again (RFC 9990 §3.5.4) has the same key. */
function keyOf(summary: ReportSummary): string {
  const { kind } = summary;
  const isPeriodic = kind !== 'abuse';
  const [begin, ...which] = isPeriodic
    ? [summary.begin, summary.by, summary.domain, summary.id]
    : [summary.received, JSON.stringify(summary)];
  const digest = createHash('sha256').update(JSON.stringify(which)).digest('base64url');
  return `${kind} ${begin} ${digest.slice(0, 22)}`;
}

const domainOf = ({ kind, report }: FoundReport): string | undefined => {
  if (kind === 'dmarc') return report.policy.domain;
  return kind === 'tls' ? report.policies[0]?.domain : report.domains[0];
};

/** Somebody's signature passes, and DMARC does not fail; undefined where signatures were not looked at. */
function isVerified(findings: readonly Finding[] = []): boolean | undefined {
  const signatures = findings.filter((finding) => finding.kind === 'dkim');
  if (signatures.length === 0) return undefined;
  const failed = findings.some(
    ({ kind, ...one }) => kind === 'dmarc' && 'result' in one && one.result === 'fail',
  );
  return !failed && signatures.some(({ result }) => result === 'pass');
}

/** A copy of its own. */
async function wholeOf(content: Content): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafe(content.size);
  let at = 0;
  for await (const piece of content.read()) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}
