import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { EventHub } from '../event-hub.ts';
import { NodeNews } from './node-news.ts';

describe('NodeNews', () => {
  it('is not brought down by a node of another version, and hears the others', async () => {
    const hub = new EventHub();
    const clock = new FakeClock();
    const news = { at: '', event: 'mail.delivered' };
    const said: readonly unknown[] = [null, 7, { log: 'all' }, { log: [null, 'x', news] }];
    const answers = said.map((one, i) => ({ node: `${i}`, said: one }));
    const nodes = new NodeNews({
      ...{ hub, clock, log: silentLog },
      questions: { ask: async () => ({ answers, silent: [] }), answer: () => {} },
    });
    const listener = hub.listen(new Set(['log']))!;
    for (let i = 0; i < 3; i += 1) await clock.advance(1000);
    assert.ok(listener.take().length >= 3);
    nodes.stop();
  });
});
