// The relay's side of the seam between threads: opens a relay for each configuration it is told of,
// gives it the attempts that belong to it, and sends results back, all of one turn of the event loop
// together. Knows nothing of threads; serve-relays.ts gives it a port.

import { unreachable } from '../../../base/assert.ts';
import { stackOf } from '../../../base/error-text.ts';
import type { Fields, Log } from '../../../base/log.ts';
import type { LogEvent } from '../../../base/log-events.ts';
import type { Counter } from '../../../base/metrics.ts';
import type { Content } from '../../../store/content.ts';
import type { OpenRelay, Relay } from '../relay.ts';
import type { StsFound, StsPolicySource } from '../security/sts.ts';
import type { AttemptRow, FromRelay, ResultRow, ToRelay } from './wire.ts';
import { contentsOf, leaseOf, resultRow, thrownRow } from './wire.ts';

export interface RelayDeskParts {
  readonly open: OpenRelay;
  readonly say: (message: FromRelay) => void;
  /** Calls back soon: results until then go into one message. */
  readonly gather: (callback: () => void) => void;
  /** To name servers, by the relays that are opened. */
  readonly queries?: Pick<Counter, 'value'> | undefined;
}

interface Signal {
  readonly controller: AbortController;
  attempts: number;
}

export class RelayDesk {
  readonly #parts: RelayDeskParts;
  readonly #relays = new Map<number, Relay>();
  /** Those that attempts under way came with. */
  readonly #signals = new Map<number, Signal>();
  #results: ResultRow[] = [];
  #questions = 0;
  #queriesTold = 0;
  readonly #asked = new Map<number, (found: StsFound | string) => void>();

  /** Asks over there. */
  readonly policies: StsPolicySource = {
    policyFor: (domain) => {
      this.#questions += 1;
      const question = this.#questions;
      this.#parts.say({ kind: 'ask', question, domain });
      return new Promise((resolve, reject) => {
        this.#asked.set(question, (found) =>
          typeof found === 'string' ? reject(new Error(found)) : resolve(found),
        );
      });
    },
  };

  constructor(parts: RelayDeskParts) {
    this.#parts = parts;
  }

  take(message: ToRelay): void {
    switch (message.kind) {
      case 'open':
        this.#relays.set(message.generation, this.#parts.open(message.settings));
        return;
      case 'attempts': {
        const contents = contentsOf(message.rows, message.pack);
        for (const row of message.rows) void this.#attempt(row, contents.next().value as Content);
        return;
      }
      case 'abort':
        this.#signals.get(message.signal)?.controller.abort();
        return;
      case 'policy':
        this.#asked.get(message.question)?.(message.found);
        this.#asked.delete(message.question);
        return;
      case 'forget':
        this.#relays.get(message.generation)?.forget();
        return;
      case 'close':
        void this.#close(message.generation);
        return;
      default:
        unreachable(message);
    }
  }

  async #attempt(row: AttemptRow, content: Content): Promise<void> {
    const [attempt, generation, number, route] = row;
    const signal = this.#signal(number);
    try {
      const relay = this.#relays.get(generation);
      if (relay === undefined) throw new Error('an attempt for a configuration that is closed');
      const result = await relay.attempt(leaseOf(row, content), route, signal.controller.signal);
      this.#answer(resultRow(attempt, result));
    } catch (error) {
      this.#answer(thrownRow(attempt, error));
    }
    signal.attempts -= 1;
    if (signal.attempts === 0) this.#signals.delete(number);
  }

  #signal(number: number): Signal {
    let signal = this.#signals.get(number);
    if (signal === undefined) {
      signal = { controller: new AbortController(), attempts: 0 };
      this.#signals.set(number, signal);
    }
    signal.attempts += 1;
    return signal;
  }

  /** Attempts of it may still be under way: the relay goes on for them. */
  async #close(generation: number): Promise<void> {
    const relay = this.#relays.get(generation);
    this.#relays.delete(generation);
    await relay?.close();
    this.#parts.say({ kind: 'closed', generation });
  }

  #answer(row: ResultRow): void {
    this.#results.push(row);
    if (this.#results.length > 1) return;
    this.#parts.gather(() => {
      const rows = this.#results;
      this.#results = [];
      const asked = this.#parts.queries?.value ?? 0;
      this.#parts.say({ kind: 'results', rows, queries: asked - this.#queriesTold });
      this.#queriesTold = asked;
    });
  }
}

/** Lines go where the operator reads them. */
export function logThrough(say: RelayDeskParts['say']): Log {
  const at = (level: keyof Log) => (event: LogEvent, fields?: Fields) =>
    say({ kind: 'log', level, event, fields: plain(fields) });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** What a structured clone takes, whatever somebody wants to log. */
function plain(fields: Fields = {}): Fields {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    result[name] = typeof value === 'object' && value !== null ? textOf(value) : value;
  return result;
}

function textOf(value: object): string {
  return value instanceof Error ? stackOf(value) : JSON.stringify(value);
}
