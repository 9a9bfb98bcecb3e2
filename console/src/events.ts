// What the server tells by itself, as it happens (/postrider/events): one stream for the whole console, opened while somebody
// listens and the page is seen, and opened again, ever more slowly, when it breaks off.

import { signal } from '@preact/signals';
import type { News, Topic } from '../../src/watch/event-hub.ts';

type Listener = (news: News) => void;

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
  stream.onmessage = ({ data }) => tell(JSON.parse(data) as News);
  stream.onerror = () => {
    // The browser's own attempts are too many at once when a server restarts.
    stream.close();
    if (source !== stream) return;
    isLive.value = false;
    retry = setTimeout(() => open(topics), waitMs);
    waitMs = Math.min(waitMs * 2, lastWaitMs);
  };
}

function tell(news: News): void {
  const topic = topicOf(news);
  for (const [listener, topics] of listeners)
    if (topic === undefined || topics.includes(topic)) listener(news);
}

/** Undefined for what concerns all: that some were missed. */
function topicOf({ event, level }: News): Topic | undefined {
  if (level !== undefined) return 'log';
  if (event.startsWith('message.')) return 'messages';
  if (event.startsWith('mail.')) return 'mail';
  return event.startsWith('queue.') ? 'queue' : undefined;
}
