// The MTA-STS policies of other domains: found by a record of the DNS, fetched from the domain's policy host by
// HTTPS, kept in the store for as long as they say, and fetched anew each day before that. Whatever keeps a new one
// from us leaves the one we have in force; only who never had one goes without. RFC 8461 §3, §5.1, §10.2.

import { BoundedMap } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { stackOf } from '../../../base/error-text.ts';
import type { Log } from '../../../base/log.ts';
import type { Counter } from '../../../base/metrics.ts';
import { DnsError } from '../../../dns/resolver.ts';
import type { InTurn, Turn } from '../../../store/nodes.ts';
import { TurnLostError } from '../../../store/nodes.ts';
import type { RecordStore, StoredRecord } from '../../../store/record-store.ts';
import { parseStsPolicy, parseStsRecords, policyLines } from '../../../trust/mta-sts.ts';
import type { StsFetchParts } from './fetch-sts-policy.ts';
import { fetchStsPolicy } from './fetch-sts-policy.ts';
import type { StsFetchProblem, StsFound, StsPolicySource } from './sts.ts';

export interface StsPoliciesParts extends StsFetchParts {
  /** Whether the operator wants it, now. */
  readonly verify: () => boolean;
  readonly records: Pick<RecordStore, 'get' | 'put' | 'list'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of several nodes, one fetches anew what is old. */
  readonly inTurn: InTurn;
  readonly fetches?: Readonly<Record<'ok' | 'failed', Counter>> | undefined;
}

/** RFC 8461 §3.3: a fetch that failed is not tried again before this, for the same id. */
const failedMs = 5 * 60_000;
/** RFC 8461 §3.3: once per day. */
const refreshMs = 24 * 3_600_000;
/** Limit: of a domain that got no mail for so long the policy is no longer fetched anew. */
const unusedMs = 30 * refreshMs;
const roundMs = 3_600_000;
/** Limit: policies fetched anew in one round, which leaves time for 1,200 a day from hosts that hang. */
const roundMax = 50;
const pageMax = 200;
/** Limit: failures that are remembered. */
const failuresMax = 2_000;

const kind = 'mta-sts';

/** What is recorded of a domain, as JSON. */
interface Kept {
  readonly id: string;
  readonly policy: string;
  /** When it was fetched, and when mail last asked for it, to a day. */
  readonly fetched: number;
  readonly used: number;
}

interface Failure {
  readonly problem: StsFetchProblem;
  readonly until: number;
}

type Fetched = Kept | StsFetchProblem;
const isProblem = (fetched: Fetched): fetched is StsFetchProblem => 'result' in fetched;

export class StsPolicies implements StsPolicySource {
  readonly #parts: StsPoliciesParts;
  /** By domain and id: many messages wait for one fetch. */
  readonly #fetching = new Map<string, Promise<Fetched>>();
  readonly #failed = new BoundedMap<string, Failure>(failuresMax);
  /** Where the next round begins. */
  #after: string | undefined;
  #closed = false;
  #cancel = () => {};

  constructor(parts: StsPoliciesParts) {
    this.#parts = parts;
  }

  /** From now on policies are fetched anew before they end. */
  start(): void {
    if (this.#closed) return;
    this.#cancel = this.#parts.clock.after(roundMs, () => {
      void this.#round().finally(() => this.start());
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** Takes a minute at the most. @throws when the store cannot tell: then the mail has to wait. */
  async policyFor(domain: string): Promise<StsFound> {
    const { clock, verify } = this.#parts;
    if (!verify()) return {};
    const kept = await this.#kept(domain);
    const announced = await this.#announced(domain);
    if (kept !== undefined && typeof announced === 'object') return foundOf(kept, announced);
    // RFC 8461 §5.1: that there is no record any more takes no policy back.
    if (typeof announced !== 'string') return foundOf(kept);
    const now = clock.now();
    if (kept?.id === announced) {
      if (isOld(kept, now)) void this.#fetch(domain, announced, now);
      else if (now - kept.used >= refreshMs) void this.#keep(domain, { ...kept, used: now });
      return foundOf(kept);
    }
    const fetched = await this.#fetch(domain, announced, now);
    return isProblem(fetched) ? foundOf(kept, fetched) : foundOf(fetched);
  }

  /** The id that the DNS tells; undefined where it tells none. */
  async #announced(domain: string): Promise<string | StsFetchProblem | undefined> {
    try {
      const answer = await this.#parts.resolver.resolve(`_mta-sts.${domain}`, 'TXT');
      return answer.kind === 'records' ? parseStsRecords(answer.records) : undefined;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      const reason = `the DNS gave no answer: ${error.message}`;
      return { result: 'sts-policy-fetch-error', reason };
    }
  }

  #fetch(domain: string, id: string, used: number): Promise<Fetched> {
    const key = `${id} ${domain}`;
    const failed = this.#failed.get(key);
    if (failed !== undefined && failed.until > this.#parts.clock.now())
      return Promise.resolve(failed.problem);
    const under = this.#fetching.get(key);
    if (under !== undefined) return under;
    const fetching = this.#fetchNow(domain, id, used).finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, fetching);
    return fetching;
  }

  async #fetchNow(domain: string, id: string, used: number): Promise<Fetched> {
    const { clock, log, fetches } = this.#parts;
    const policy = await this.#request(domain);
    if (typeof policy === 'string') {
      fetches?.ok.add();
      const kept = { id, policy, fetched: clock.now(), used };
      await this.#keep(domain, kept);
      return kept;
    }
    fetches?.failed.add();
    this.#failed.set(`${id} ${domain}`, { problem: policy, until: clock.now() + failedMs });
    log.warn('no MTA-STS policy', { domain, reason: policy.reason });
    return policy;
  }

  /** RFC 8461 §3.3: "for any reason", ours included. */
  async #request(domain: string): Promise<string | StsFetchProblem> {
    try {
      return await fetchStsPolicy(domain, this.#parts);
    } catch (error) {
      this.#parts.log.error('fetch failed', { domain, error: stackOf(error) });
      return { result: 'sts-policy-fetch-error', reason: 'an error of ours' };
    }
  }

  async #kept(domain: string): Promise<Kept | undefined> {
    const record = await this.#parts.records.get(kind, domain);
    return record === undefined ? undefined : keptIn(record);
  }

  /** What the store does not take is asked for again. */
  async #keep(domain: string, kept: Kept): Promise<void> {
    const { records, log } = this.#parts;
    const policy = parseStsPolicy(kept.policy);
    if ('problem' in policy) return;
    const expires = kept.fetched + policy.maxAgeSeconds * 1000;
    const record = { kind, key: domain, value: JSON.stringify(kept), expires };
    await records.put([record]).catch((error: unknown) => {
      log.error('MTA-STS policy not kept', { domain, error: stackOf(error) });
    });
  }

  /** Fetches anew what is a day old and still in use, so that nobody who is in the way once is so for ever. */
  async #round(): Promise<void> {
    const { verify, inTurn } = this.#parts;
    if (!verify()) return;
    try {
      await inTurn('sts-policies', (turn) => this.#refresh(turn));
    } catch (error) {
      if (error instanceof TurnLostError) return;
      this.#parts.log.error('MTA-STS policies not fetched anew', { error: stackOf(error) });
    }
  }

  async #refresh({ confirm }: Turn): Promise<void> {
    for (const [domain, { used }] of await this.#due()) {
      await confirm();
      const announced = await this.#announced(domain);
      if (typeof announced === 'string') await this.#fetch(domain, announced, used);
      else {
        const reason = announced?.reason ?? 'the DNS has no record of it any more';
        this.#parts.log.warn('MTA-STS policy not fetched anew', { domain, reason });
      }
    }
  }

  async #due(): Promise<readonly (readonly [domain: string, Kept])[]> {
    const { records, clock } = this.#parts;
    const due: [string, Kept][] = [];
    const now = clock.now();
    for (;;) {
      const page = await records.list(kind, { after: this.#after, limit: pageMax });
      for (const record of page) {
        this.#after = record.key;
        const kept = keptIn(record);
        const old = kept !== undefined && isOld(kept, now);
        if (old && now - kept.used < unusedMs && !asksForNothing(kept))
          due.push([record.key, kept]);
        if (due.length >= roundMax) return due;
      }
      if (page.length < pageMax) {
        this.#after = undefined;
        return due;
      }
    }
  }
}

function keptIn({ value }: StoredRecord): Kept | undefined {
  try {
    const { id, policy, fetched, used } = JSON.parse(value);
    return { id: String(id), policy: String(policy), fetched: Number(fetched), used: Number(used) };
  } catch {
    return undefined;
  }
}

/**
 * RFC 8461 §10.2: whoever waits until a policy has ended lets everybody choose that moment. Field: many last a day, and
 * some an hour.
 */
function isOld({ policy, fetched }: Kept, now: number): boolean {
  const read = parseStsPolicy(policy);
  const lifeMs = 'problem' in read ? refreshMs : read.maxAgeSeconds * 1000;
  return now - fetched >= Math.min(refreshMs, lifeMs / 2);
}

function asksForNothing({ policy }: Kept): boolean {
  const read = parseStsPolicy(policy);
  return 'problem' in read || read.mode === 'none';
}

function foundOf(kept: Kept | undefined, problem?: StsFetchProblem): StsFound {
  const read = kept === undefined ? undefined : parseStsPolicy(kept.policy);
  const known = read === undefined || 'problem' in read ? undefined : read;
  // RFC 8461 §6: whose policy asks for nothing wants no reports either.
  if (known?.mode === 'none') return {};
  if (kept === undefined || known === undefined) return { problem };
  const { mode, mx } = known;
  return { policy: { mode, mx, lines: policyLines(kept.policy) }, problem };
}
