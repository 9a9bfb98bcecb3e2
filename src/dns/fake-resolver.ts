// A DNS made of a table: for tests, simulations and whoever develops against postrider/testing.
// Answers as a validating recursive resolver would: follows CNAMEs, tells a name that does not exist
// from one without such records, sets the AD bit where the table says so, and fails where told.

import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { queryName } from './name.ts';
import type {
  Answer,
  MxRecord,
  RecordOf,
  RecordType,
  ResolveOptions,
  Resolver,
  SrvRecord,
  TlsaRecord,
} from './resolver.ts';
import { DnsError } from './resolver.ts';

export type FakeFailure = 'servfail' | 'timeout';

/** What the table says of one name. */
export interface FakeRecords {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  /** `'10 mx.example.net'` or a record; `'0 .'` is a null MX. */
  readonly MX?: readonly (string | MxRecord)[];
  readonly TXT?: readonly string[];
  readonly PTR?: readonly string[];
  readonly SRV?: readonly SrvRecord[];
  readonly TLSA?: readonly TlsaRecord[];
  /** Then nothing else is looked at, as RFC 1034 §3.6.2 has it. */
  readonly CNAME?: string;
  /** Every question fails, or only those for the types named. */
  readonly fails?: FakeFailure | Readonly<Partial<Record<RecordType, FakeFailure>>>;
  /** The AD bit. */
  readonly authenticated?: boolean;
}

export type FakeZone = Readonly<Record<string, FakeRecords>>;

/** Limit: as many links as real resolvers follow. */
const cnamesMax = 16;
const queriesKeptMax = 10_000;

export class FakeResolver implements Resolver {
  readonly #names = new Map<string, FakeRecords>();
  readonly #clock: Clock | undefined;
  readonly #timeoutMs: number;
  readonly #queries: { readonly name: string; readonly type: RecordType }[] = [];

  /** With a clock a timeout takes `timeoutMs` of its time; without, it comes at once. */
  constructor(zone: FakeZone = {}, options: { clock?: Clock; timeoutMs?: number } = {}) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    for (const [name, records] of Object.entries(zone)) this.set(name, records);
  }

  /** Everything that was asked, in order. */
  get queries(): readonly { readonly name: string; readonly type: RecordType }[] {
    return this.#queries;
  }

  set(name: string, records: FakeRecords): void {
    this.#names.set(queryName(name, true) ?? name, records);
  }

  remove(name: string): void {
    this.#names.delete(queryName(name, true) ?? name);
  }

  async resolve<K extends RecordType>(
    name: string,
    type: K,
    { anyName }: ResolveOptions = {},
  ): Promise<Answer<RecordOf[K]>> {
    if (this.#queries.length < queriesKeptMax) this.#queries.push({ name, type });
    let at = queryName(name, anyName);
    if (at === undefined) return { kind: 'no-domain', authenticated: false };
    let authenticated = true;
    for (let links = 0; links <= cnamesMax; links += 1) {
      const entry: FakeRecords | undefined = this.#names.get(at);
      if (entry === undefined) return this.#nothing(at, links > 0);
      await this.#fail(at, entry, type);
      authenticated &&= entry.authenticated ?? false;
      if (entry.CNAME === undefined || type === 'CNAME')
        return answer(at, entry, type, authenticated);
      at = queryName(entry.CNAME) ?? entry.CNAME;
    }
    throw new DnsError(`${name}: too many CNAMEs`);
  }

  /** RFC 8020 §2: a name exists when something exists below it. */
  #nothing(name: string, isAlias: boolean): Answer<never> {
    const below = `.${name}`;
    const exists = [...this.#names.keys()].some((other) => other.endsWith(below));
    if (exists) return { kind: 'no-records', authenticated: false };
    return { kind: 'no-domain', authenticated: false, ...(isAlias && { isAlias }) };
  }

  async #fail(name: string, { fails }: FakeRecords, type: RecordType): Promise<void> {
    const failure = typeof fails === 'object' ? fails[type] : fails;
    if (failure === undefined) return;
    if (failure === 'timeout' && this.#clock !== undefined)
      await sleep(this.#clock, this.#timeoutMs);
    const what = failure === 'timeout' ? 'no answer in time' : 'SERVFAIL';
    throw new DnsError(`${name} ${type}: ${what}`);
  }
}

function answer<K extends RecordType>(
  name: string,
  entry: FakeRecords,
  type: K,
  authenticated: boolean,
): Answer<RecordOf[K]> {
  const alias = entry.CNAME === undefined ? [] : [queryName(entry.CNAME) ?? entry.CNAME];
  const given = type === 'MX' ? entry.MX?.map(mxRecord) : type === 'CNAME' ? alias : entry[type];
  // The compiler does not see that the branch on `type` chose the records of K.
  const [first, ...rest] = (given ?? []) as readonly RecordOf[K][];
  if (first === undefined) return { kind: 'no-records', authenticated };
  return { kind: 'records', records: [first, ...rest], name, authenticated };
}

function mxRecord(given: string | MxRecord): MxRecord {
  if (typeof given !== 'string') return given;
  const [preference = '', exchange = ''] = given.trim().split(/\s+/);
  const name = exchange === '.' ? '' : (queryName(exchange) ?? exchange);
  return { preference: Number(preference), exchange: name };
}
