// Something is asked for again when the server tells that it has changed: soon, but not for each of a thousand changes.

import { useEffect } from 'preact/hooks';
import type { Topic } from '../../src/watch/event-hub.ts';
import { listen } from './events.ts';

const soonMs = 400;

/** `reload` stays the same function. */
export function useNews(topic: Topic, reload: () => void): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen([topic], () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, soonMs);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [topic, reload]);
}
