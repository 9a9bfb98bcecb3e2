// A DMARC aggregate report, read: RFC 9990 §3.1, and RFC 7489 App. C, which most reporters still write.
// Elements that nobody knows are passed over; what is missing is undefined; numbers that are none count as 0. The
// words of others stay as they are, cut to a length, so that a new result is a result.

import { ReportError, shortText } from './report-error.ts';
import { XmlError, xmlEvents } from './xml.ts';

export interface AggregateReport {
  readonly version: string | undefined;
  readonly organization: string;
  readonly email: string | undefined;
  readonly contact: string | undefined;
  readonly id: string;
  /** Seconds since 1970. */
  readonly begin: number;
  readonly end: number;
  readonly errors: readonly string[];
  readonly generator: string | undefined;
  readonly policy: PublishedPolicy;
  readonly records: readonly AggregateRecord[];
  /** Records beyond the limit: those are only counted. */
  readonly recordsLeftOut: number;
}

/** The domain's policy as the reporter found it. RFC 9990 §3.1.1.5 */
export interface PublishedPolicy {
  readonly domain: string;
  readonly p: string | undefined;
  readonly sp: string | undefined;
  readonly np: string | undefined;
  readonly adkim: string | undefined;
  readonly aspf: string | undefined;
  readonly fo: string | undefined;
  readonly testing: string | undefined;
  readonly discovery: string | undefined;
}

export interface AggregateRecord {
  readonly sourceIp: string;
  readonly count: number;
  readonly disposition: string | undefined;
  /** Whether an aligned identifier passed. */
  readonly dkim: string | undefined;
  readonly spf: string | undefined;
  readonly reasons: readonly { readonly type: string; readonly comment?: string | undefined }[];
  readonly headerFrom: string;
  readonly envelopeFrom: string | undefined;
  readonly envelopeTo: string | undefined;
  readonly signatures: readonly AuthResult[];
  readonly senders: readonly AuthResult[];
}

export interface AuthResult {
  readonly domain: string;
  readonly result: string;
  /** Of DKIM. */
  readonly selector?: string | undefined;
  /** Of SPF: `mfrom` or `helo`. */
  readonly scope?: string | undefined;
  readonly human?: string | undefined;
}

/** Limit: records that are kept of one report. */
export const recordsMax = 20_000;
/** Limit: of one record's results and reasons. RFC 9990 §3.1.3: 100 signatures. */
const listMax = 100;
/** How much is read before others get their turn. */
const turnEvents = 5_000;

/** The texts of one element's children, by path below it: `date_range/begin`. The first of a name counts. */
type Texts = Map<string, string>;

/**
 * `breathe` lets others have their turn, now and then.
 * @throws ReportError
 */
export async function readAggregateReport(
  text: string,
  breathe: () => Promise<void>,
): Promise<AggregateReport> {
  const reader = new Reader();
  try {
    let events = 0;
    for (const event of xmlEvents(text)) {
      if (event.kind === 'open') reader.open(event.name);
      else if (event.kind === 'text') reader.text(event.text);
      else reader.close();
      events += 1;
      if (events % turnEvents === 0) await breathe();
    }
  } catch (error) {
    if (error instanceof XmlError)
      throw new ReportError(`the XML cannot be read: ${error.message}`);
    throw error;
  }
  return reader.report();
}

class Reader {
  readonly #path: string[] = [];
  #words = '';
  readonly #report: Texts = new Map();
  readonly #errors: string[] = [];
  readonly #records: AggregateRecord[] = [];
  #leftOut = 0;
  #record: RecordReader | undefined;

  open(name: string): void {
    if (this.#path.length === 0 && name !== 'feedback')
      throw new ReportError(`no report: the document is ${shortText(name)}`);
    this.#path.push(name);
    this.#words = '';
    if (this.#path.length === 2 && name === 'record') this.#record = new RecordReader();
    else if (this.#record !== undefined) this.#record.open(this.#path.slice(2).join('/'));
  }

  text(words: string): void {
    // The end of it is never looked at.
    if (this.#words.length < 10_000) this.#words += words;
  }

  close(): void {
    const path = this.#path.slice(this.#record === undefined ? 1 : 2).join('/');
    const words = shortText(this.#words);
    this.#words = '';
    this.#path.pop();
    if (this.#record === undefined) this.#note(path, words);
    else if (path === '') this.#endRecord(this.#record);
    else this.#record.note(path, words);
  }

  #note(path: string, words: string): void {
    if (path === 'report_metadata/error' && this.#errors.length < listMax) this.#errors.push(words);
    if (!this.#report.has(path)) this.#report.set(path, words);
  }

  #endRecord(record: RecordReader): void {
    this.#record = undefined;
    if (this.#records.length < recordsMax) this.#records.push(record.record());
    else this.#leftOut += 1;
  }

  report(): AggregateReport {
    const of = (path: string) => this.#report.get(path) || undefined;
    const metadata = (name: string) => of(`report_metadata/${name}`);
    const domain = of('policy_published/domain');
    const id = metadata('report_id');
    if (domain === undefined || id === undefined)
      throw new ReportError('the report names no domain, or has no Report-ID');
    const published = (name: string) => of(`policy_published/${name}`)?.toLowerCase();
    return {
      version: of('version'),
      organization: metadata('org_name') ?? metadata('email') ?? 'nobody',
      email: metadata('email'),
      contact: metadata('extra_contact_info'),
      id,
      begin: numberOf(metadata('date_range/begin')),
      end: numberOf(metadata('date_range/end')),
      errors: this.#errors,
      generator: metadata('generator'),
      policy: {
        domain: domain.toLowerCase(),
        ...{ p: published('p'), sp: published('sp'), np: published('np') },
        ...{ adkim: published('adkim'), aspf: published('aspf'), fo: published('fo') },
        testing: published('testing'),
        discovery: published('discovery_method'),
      },
      records: this.#records,
      recordsLeftOut: this.#leftOut,
    };
  }
}

/** One record; of its lists, an entry for each element of that name. */
class RecordReader {
  readonly #texts: Texts = new Map();
  readonly #lists = new Map<string, Texts[]>(
    ['row/policy_evaluated/reason', 'auth_results/dkim', 'auth_results/spf'].map((path) => [
      path,
      [],
    ]),
  );

  open(path: string): void {
    const list = this.#lists.get(path);
    if (list !== undefined && list.length < listMax) list.push(new Map());
  }

  note(path: string, words: string): void {
    for (const [list, entries] of this.#lists)
      if (path.startsWith(`${list}/`)) entries.at(-1)?.set(path.slice(list.length + 1), words);
    if (!this.#texts.has(path)) this.#texts.set(path, words);
  }

  record(): AggregateRecord {
    const of = (path: string) => this.#texts.get(path);
    const word = (path: string) => of(path)?.toLowerCase() || undefined;
    const lists = (path: string) => this.#lists.get(path) ?? [];
    return {
      sourceIp: of('row/source_ip') ?? '',
      count: numberOf(of('row/count')),
      disposition: word('row/policy_evaluated/disposition'),
      dkim: word('row/policy_evaluated/dkim'),
      spf: word('row/policy_evaluated/spf'),
      reasons: lists('row/policy_evaluated/reason').map((one) => ({
        type: one.get('type')?.toLowerCase() ?? 'other',
        comment: one.get('comment') || undefined,
      })),
      headerFrom: of('identifiers/header_from')?.toLowerCase() ?? '',
      // RFC 9990 §3.1.1.10: it may be there and empty.
      envelopeFrom: of('identifiers/envelope_from'),
      envelopeTo: of('identifiers/envelope_to'),
      signatures: lists('auth_results/dkim').map(authResult),
      senders: lists('auth_results/spf').map(authResult),
    };
  }
}

const authResult = (one: Texts): AuthResult => ({
  domain: one.get('domain')?.toLowerCase() ?? '',
  result: one.get('result')?.toLowerCase() ?? '',
  selector: one.get('selector'),
  scope: one.get('scope')?.toLowerCase(),
  human: one.get('human_result'),
});

const numberOf = (text: string | undefined): number =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
