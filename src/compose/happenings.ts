// What happens goes to whoever watches: those who listen now, statistics, what is known of destinations, webhooks.
// Nobody who records it waits for them.

import type { Log } from '../base/log.ts';
import type { TlsSession } from '../report/tls-session.ts';
import type { HistoryEvent } from '../store/history.ts';
import { EventHub } from '../watch/event-hub.ts';
import { newsOf } from '../watch/message-news.ts';

type TlsWatcher = (destination: string, sessions: readonly TlsSession[]) => void;
type Watcher = (event: HistoryEvent) => void;

export class Happenings {
  readonly hub = new EventHub();
  readonly #watchers: Watcher[] = [];
  readonly #tlsWatchers: TlsWatcher[] = [];

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  watchTls(watcher: TlsWatcher): void {
    this.#tlsWatchers.push(watcher);
  }

  /** What came of TLS with the hosts of a destination. */
  secured(destination: string, sessions: readonly TlsSession[]): void {
    for (const watcher of this.#tlsWatchers) watcher(destination, sessions);
  }

  /** It has been recorded. */
  recorded(event: HistoryEvent): void {
    for (const watcher of this.#watchers) watcher(event);
    if (this.hub.listeners > 0) this.#tell(event);
  }

  #tell(event: HistoryEvent): void {
    const { hub } = this;
    const at = new Date(event.at).toISOString();
    if (hub.isHeard('messages')) for (const news of newsOf(event)) hub.tell('messages', news);
    if (hub.isHeard('queue') && event.kind !== 'refused')
      hub.tell('queue', { at, event: 'queue.changed', id: event.id });
    if (!hub.isHeard('mail') || event.kind !== 'attempt') return;
    for (const { address, result } of event.results)
      if (result === 'delivered')
        hub.tell('mail', { at, event: 'mail.delivered', address, id: event.id });
  }
}

/** Every line of the log, for those who listen to it. */
export function watchedLog(log: Log, hub: EventHub): Log {
  const level =
    (name: 'debug' | 'info' | 'warn' | 'error'): Log['info'] =>
    (event, fields) => {
      log[name](event, fields);
      if (hub.isHeard('log'))
        hub.tell('log', { at: new Date().toISOString(), level: name, ...fields, event });
    };
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}
