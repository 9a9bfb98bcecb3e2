// What the server tells by itself, as it happens (/postrider/events): one stream for the whole console, opened while somebody
// listens and the page is seen, and opened again, ever more slowly, when it breaks off.

import { signal } from '@preact/signals';

export type Topic = 'messages' | 'queue' | 'stats' | 'log' | 'mail';

export interface ServerEvent {
  /** `message.received`, `queue.changed` … : docs/events.md */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Listener = (event: ServerEvent) => void;

/** Whether news come in. */
export const isLive = signal(false);

const firstWaitMs = 1000;
const lastWaitMs = 30_000;
const listeners = new Map<Listener, readonly Topic[]>();
let source: EventSource | undefined;
let opened = '';
let waitMs = firstWaitMs;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Until the function that it gives is called. */
export function listen(topics: readonly Topic[], listener: Listener): () => void {
  listeners.set(listener, topics);
  follow();
  return () => {
    listeners.delete(listener);
    follow();
  };
}

document.addEventListener('visibilitychange', () => follow());

/** Makes the stream what is wanted now. */
function follow(): void {
  const topics = [...new Set([...listeners.values()].flat())].sort().join(',');
  const wanted = document.visibilityState === 'visible' ? topics : '';
  if (wanted === opened && source !== undefined) return;
  source?.close();
  source = undefined;
  clearTimeout(retry);
  opened = wanted;
  isLive.value = false;
  if (wanted !== '') open(wanted);
}

function open(topics: string): void {
  const stream = new EventSource(`/postrider/events?topics=${topics}`);
  source = stream;
  stream.onopen = () => {
    waitMs = firstWaitMs;
    isLive.value = true;
  };
  stream.onmessage = ({ data }) => tell('message', data);
  for (const name of names) stream.addEventListener(name, ({ data }) => tell(name, data));
  stream.onerror = () => {
    // The browser's own attempts are too many at once when a server restarts.
    stream.close();
    if (source !== stream) return;
    isLive.value = false;
    retry = setTimeout(() => open(topics), waitMs);
    waitMs = Math.min(waitMs * 2, lastWaitMs);
  };
}

/** EventSource tells only what it was asked for by name. */
const names: readonly string[] = [];

function tell(name: string, text: string): void {
  let data: ServerEvent['data'];
  try {
    data = JSON.parse(text) as ServerEvent['data'];
  } catch {
    return;
  }
  for (const listener of listeners.keys()) listener({ name, data });
}
