// What is counted for the reports of a day: rows of domains, each a text that says what it is, with how often it was.
// Kept in memory and bounded; what changed since the last look goes to records, and comes back from them
// after a restart. Each of several nodes keeps its own, which are added up when the day is over. A day is a day of UTC (RFC 9990 §3.1.1.4, RFC 8460 §4.1).

import { createHash } from 'node:crypto';

export interface CountsLimits {
  /** Rows in all, and of one domain on one day: what is more is left out. */
  readonly rowsMax: number;
  readonly rowsPerDomain: number;
  /** Characters of all rows. */
  readonly charactersMax: number;
}

export interface CountedRow {
  readonly row: string;
  readonly count: number;
}

export interface DayOfDomain {
  /** Seconds since 1970. */
  readonly begin: number;
  readonly domain: string;
}

export interface CountedDay extends DayOfDomain {
  /** Its last second. */
  readonly end: number;
  /** What was last known of the domain. */
  readonly about: string;
  readonly rows: readonly CountedRow[];
}

/** As it is kept: the key begins with day and domain, and ends with the node, if it has a number. */
export interface CountRecord {
  readonly key: string;
  readonly value: string;
}

interface Row {
  count: number;
  isKept: boolean;
}

interface Day {
  readonly begin: number;
  readonly domain: string;
  about: string;
  isKept: boolean;
  readonly rows: Map<string, Row>;
}

export const daySeconds = 86_400;

export const dayOf = (ms: number): number => {
  const seconds = Math.floor(ms / 1000);
  return seconds - (seconds % daySeconds);
};

export class DailyCounts {
  /** Of this node; 0 where there is one alone. Known when something is kept. */
  node = 0;
  readonly #limits: CountsLimits;
  readonly #days = new Map<string, Day>();
  #rows = 0;
  #characters = 0;
  /** There is something that changes() will tell. */
  onChange: () => void = () => {};

  constructor(limits: CountsLimits) {
    this.#limits = limits;
  }

  get rows(): number {
    return this.#rows;
  }

  /** False where there is no room: it is not counted. */
  note(atMs: number, domain: string, row: string, about = ''): boolean {
    const isCounted = this.#add(dayOf(atMs), domain, { row, about, count: 1 });
    if (isCounted) this.onChange();
    return isCounted;
  }

  #add(
    begin: number,
    domain: string,
    { row, about, count }: CountedRow & { readonly about: string | undefined },
  ): boolean {
    const key = dayKey(begin, domain);
    const day = this.#days.get(key) ?? newDay(begin, domain);
    const known = day.rows.get(row);
    if (known === undefined) {
      const { rowsMax, rowsPerDomain, charactersMax } = this.#limits;
      if (this.#rows >= rowsMax || day.rows.size >= rowsPerDomain) return false;
      if (this.#characters + row.length > charactersMax) return false;
      this.#rows += 1;
      this.#characters += row.length;
      day.rows.set(row, { count, isKept: false });
    } else {
      known.count += count;
      known.isKept = false;
    }
    this.#days.set(key, day);
    if (about !== undefined && day.about !== about) {
      day.about = about;
      day.isKept = false;
    }
    return true;
  }

  /** Everything that is to be kept and is not yet; asked again, only what changed since. */
  changes(): readonly CountRecord[] {
    const records: CountRecord[] = [];
    for (const [key, day] of this.#days) {
      if (!day.isKept)
        records.push({ key: this.#own(key), value: JSON.stringify({ about: day.about }) });
      day.isKept = true;
      for (const [row, found] of day.rows) {
        if (found.isKept) continue;
        found.isKept = true;
        const value = JSON.stringify({ row, count: found.count });
        records.push({ key: this.#own(rowKey(key, row)), value });
      }
    }
    return records;
  }

  /** They could not be kept: the next changes() has them again. */
  notKept(records: readonly CountRecord[]): void {
    const keys = new Set(records.map(({ key }) => key));
    for (const [key, day] of this.#days) {
      if (keys.has(this.#own(key))) day.isKept = false;
      for (const [row, found] of day.rows)
        if (keys.has(this.#own(rowKey(key, row)))) found.isKept = false;
    }
  }

  /** What was kept before a restart; what cannot be read is passed over. */
  restore({ key, value }: CountRecord): void {
    const of = dayOfKey(key);
    if (of === undefined) return;
    const { begin, domain } = of;
    const { row, count, about } = parsed(value);
    if (typeof row === 'string' && typeof count === 'number')
      this.#add(begin, domain, { row, count, about: undefined });
    else if (typeof about === 'string') {
      const name = dayKey(begin, domain);
      const day = this.#days.get(name) ?? newDay(begin, domain);
      day.about = about;
      this.#days.set(name, day);
    }
  }

  /** Whether it is this node's. */
  isOwn(key: string): boolean {
    return key === this.#own(key.replace(nodeSuffix, ''));
  }

  /** None, with the same limits. */
  emptied(): DailyCounts {
    return new DailyCounts(this.#limits);
  }

  /** Of every day and domain that there is something of, in no order. */
  get days(): readonly DayOfDomain[] {
    return [...this.#days.values()].map(({ begin, domain }) => ({ begin, domain }));
  }

  day({ begin, domain }: DayOfDomain): CountedDay | undefined {
    const day = this.#days.get(dayKey(begin, domain));
    if (day === undefined) return undefined;
    const rows = [...day.rows].map(([row, { count }]) => ({ row, count }));
    return { begin, end: begin + daySeconds - 1, domain, about: day.about, rows };
  }

  /** What is kept of days before that one is needed here no more. */
  forgetBefore(begin: number): void {
    for (const [key, day] of this.#days) {
      const isKept = day.isKept && [...day.rows.values()].every((row) => row.isKept);
      if (day.begin >= begin || !isKept) continue;
      this.#days.delete(key);
      this.#rows -= day.rows.size;
      for (const row of day.rows.keys()) this.#characters -= row.length;
    }
  }

  #own(key: string): string {
    return this.node === 0 ? key : `${key} @${this.node}`;
  }
}

const nodeSuffix = / @\d+$/;

/** Whose a record is. */
export function dayOfKey(key: string): DayOfDomain | undefined {
  const [, begin, domain] = /^(\d{10}) (\S+)/.exec(key) ?? [];
  return begin === undefined || domain === undefined ? undefined : { begin: Number(begin), domain };
}

const newDay = (begin: number, domain: string): Day => ({
  ...{ begin, domain, about: '', isKept: false, rows: new Map() },
});

const dayKey = (begin: number, domain: string): string =>
  `${String(begin).padStart(10, '0')} ${domain}`;

const rowKey = (day: string, row: string): string =>
  `${day} ${createHash('sha256').update(row).digest('base64url').slice(0, 22)}`;

function parsed(value: string): Readonly<Record<string, unknown>> {
  try {
    const given: unknown = JSON.parse(value);
    return typeof given === 'object' && given !== null ? { ...given } : {};
  } catch {
    return {};
  }
}
