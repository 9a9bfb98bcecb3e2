// What happens, as it happens: Server-Sent Events. Who may read, may listen. A listener that is slow is told how much
// it missed; more listeners than there is room for get a 503, and one who may no longer read hears no more.

import { type Clock, sleep } from '../base/clock.ts';
import type { EventHub, Listener, News, Topic } from '../watch/event-hub.ts';
import { newsOrSilence, topics } from '../watch/event-hub.ts';
import type { ApiParts } from './api.ts';
import type { WebApp } from './web-app.ts';

export interface EventsParts extends Pick<ApiParts, 'asking'> {
  readonly hub: EventHub;
  readonly clock: Clock;
}

/** How often a listener hears that we are there, and is asked for anew whether it may listen. */
const heartbeatMs = 15_000;
/** What follows at once on something is told with what follows on that: a page that is open costs each message nothing. */
const gatherMs = 200;

export function eventPaths(parts: EventsParts) {
  return (app: WebApp): void => {
    app.get('/postrider/events', async (c) => {
      const may = () => parts.asking.allowed(c, { name: 'events', changes: false });
      await may();
      const wanted = topicsIn(c.req.query('topics') ?? '');
      if (wanted.size === 0)
        return c.json({ error: `say what to listen to: topics=${topics.join(',')}` }, 400);
      const listener = parts.hub.listen(wanted);
      if (listener === undefined)
        return c.json({ error: 'too many listen already' }, 503, { 'retry-after': '30' });
      const isAllowed = () =>
        may().then(
          () => true,
          () => false,
        );
      return c.body(streamOf(listener, isAllowed, parts.clock), 200, {
        'content-type': 'text/event-stream',
        // Proxies that gather answers would hold back what is to come at once.
        'x-accel-buffering': 'no',
      });
    });
  };
}

const topicsIn = (text: string): ReadonlySet<Topic> =>
  new Set(text.split(',').filter((one): one is Topic => topics.includes(one as Topic)));

/** As slowly as it is read. Whether it may is asked at each silence, and as often where there is none. */
function streamOf(
  listener: Listener,
  isAllowed: () => Promise<boolean>,
  clock: Clock,
): ReadableStream<Uint8Array> {
  let asked = clock.now();
  let toldAt = Number.NEGATIVE_INFINITY;
  let isCancelled = false;
  const mayGoOn = async (news: readonly News[]): Promise<boolean> => {
    if (news.length > 0 && clock.now() - asked < heartbeatMs) return true;
    asked = clock.now();
    return isAllowed();
  };
  return new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from(': listening\n\n')),
    async pull(controller) {
      const news = [...(await newsOrSilence(listener, clock, heartbeatMs))];
      const waitMs = toldAt + gatherMs - clock.now();
      if (news.length > 0 && waitMs > 0) {
        await sleep(clock, waitMs);
        news.push(...listener.take());
      }
      if (news.length > 0) toldAt = clock.now();
      const goesOn = !listener.isOver && (await mayGoOn(news));
      if (goesOn && !listener.isOver) {
        const text = news.length === 0 ? ': still here\n\n' : news.map(lineOf).join('');
        controller.enqueue(Buffer.from(text));
        return;
      }
      listener.close();
      if (!isCancelled) controller.close();
    },
    cancel() {
      isCancelled = true;
      listener.close();
    },
  });
}

/** Each is written once, however many listen. */
const lines = new WeakMap<News, string>();

function lineOf(news: News): string {
  const known = lines.get(news) ?? `data: ${JSON.stringify(news)}\n\n`;
  lines.set(news, known);
  return known;
}
