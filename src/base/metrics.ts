// Numbers about what happens, always counted: counting is an addition to a field. What there is, with all
// its labels, is made once at the start; whoever counts holds the counter itself. What is told to the
// outside is made when somebody asks. Names and units are those of Prometheus: seconds, bytes, `_total`.

/** How often something happened; never goes down. */
export class Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

/** How much of something there is now. */
export class Gauge {
  value = 0;

  add(by: number): void {
    this.value += by;
  }
}

/** How many observations were at most each bound, and their sum. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Of each bound what was above the one before; the last is above all. */
  readonly counts: number[];
  sum = 0;

  /** `bounds` rise. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    counts[at]! += 1;
    this.sum += value;
  }
}

export type Labels = Readonly<Record<string, string>>;

export type Sample =
  | { readonly labels: Labels; readonly value: number }
  | {
      readonly labels: Labels;
      /** How many were at most `le`; all of them are `count`. */
      readonly buckets: readonly { readonly le: number; readonly count: number }[];
      readonly count: number;
      readonly sum: number;
    };

export interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly about: string;
  readonly samples: readonly Sample[];
}

type Source = () => Sample;

export class Metrics {
  readonly #known: (Omit<Metric, 'samples'> & { readonly sources: readonly Source[] })[] = [];

  counter(name: string, about: string): Counter {
    const counter = new Counter();
    this.#add({ name, about, kind: 'counter' }, [valued(counter)]);
    return counter;
  }

  /** One for each value of a label. */
  counters<V extends string>(
    [name, about]: readonly [name: string, about: string],
    label: string,
    values: readonly V[],
  ): Readonly<Record<V, Counter>> {
    const made = values.map((value) => [value, new Counter()] as const);
    const sources = made.map(([value, counter]) => valued(counter, { [label]: value }));
    this.#add({ name, about, kind: 'counter' }, sources);
    return Object.fromEntries(made) as Record<V, Counter>;
  }

  gauges<V extends string>(
    [name, about]: readonly [name: string, about: string],
    label: string,
    values: readonly V[],
  ): Readonly<Record<V, Gauge>> {
    const made = values.map((value) => [value, new Gauge()] as const);
    const sources = made.map(([value, gauge]) => valued(gauge, { [label]: value }));
    this.#add({ name, about, kind: 'gauge' }, sources);
    return Object.fromEntries(made) as Record<V, Gauge>;
  }

  /** Something that is known anyway: read when somebody asks. */
  read(name: string, about: string, read: () => number, kind: 'gauge' | 'counter' = 'gauge'): void {
    this.#add({ name, about, kind }, [() => ({ labels: {}, value: read() })]);
  }

  /** 1, whatever happens: what is told is in the labels. */
  always(name: string, about: string, labels: Labels): void {
    this.#add({ name, about, kind: 'gauge' }, [() => ({ labels, value: 1 })]);
  }

  histogram(name: string, about: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.#add({ name, about, kind: 'histogram' }, [() => sampleOf(histogram)]);
    return histogram;
  }

  /** Everything, as it is at this moment. */
  snapshot(): readonly Metric[] {
    return this.#known.map(({ sources, ...metric }) => ({
      ...metric,
      samples: sources.map((source) => source()),
    }));
  }

  #add(metric: Omit<Metric, 'samples'>, sources: readonly Source[]): void {
    this.#known.push({ ...metric, sources });
  }
}

const valued =
  (of: { readonly value: number }, labels: Labels = {}): Source =>
  () => ({ labels, value: of.value });

function sampleOf({ bounds, counts, sum }: Histogram): Sample {
  let count = 0;
  const buckets = bounds.map((le, i) => {
    count += counts[i]!;
    return { le, count };
  });
  return { labels: {}, buckets, count: count + counts.at(-1)!, sum };
}
