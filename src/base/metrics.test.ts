import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from './metrics.ts';

describe('metrics', () => {
  it('counters with a label are all there from the start, each with its own value', () => {
    const metrics = new Metrics();
    const by = metrics.counters(['mail_total', 'Mail.'], 'result', ['good', 'bad']);
    by.good.add();
    by.good.add(2);
    const plain = metrics.counter('bytes_total', 'Octets.');
    plain.add(10);
    const open = metrics.gauges(['open', 'Open.'], 'service', ['smtp']);
    open.smtp.add(1);
    open.smtp.add(-1);
    let depth = 3;
    metrics.read('depth', 'Depth.', () => depth);
    depth = 4;
    assert.deepEqual(metrics.snapshot(), [
      {
        ...{ name: 'mail_total', kind: 'counter', about: 'Mail.' },
        samples: [
          { labels: { result: 'good' }, value: 3 },
          { labels: { result: 'bad' }, value: 0 },
        ],
      },
      {
        ...{ name: 'bytes_total', kind: 'counter', about: 'Octets.' },
        samples: [{ labels: {}, value: 10 }],
      },
      {
        ...{ name: 'open', kind: 'gauge', about: 'Open.' },
        samples: [{ labels: { service: 'smtp' }, value: 0 }],
      },
      { name: 'depth', kind: 'gauge', about: 'Depth.', samples: [{ labels: {}, value: 4 }] },
    ]);
  });

  it('a histogram tells how many were at most each bound', () => {
    const metrics = new Metrics();
    const seconds = metrics.histogram('seconds', 'Time.', [0.1, 1, 10]);
    for (const value of [0.05, 0.1, 0.5, 100]) seconds.observe(value);
    assert.deepEqual(metrics.snapshot()[0]?.samples, [
      {
        labels: {},
        buckets: [
          { le: 0.1, count: 2 },
          { le: 1, count: 3 },
          { le: 10, count: 3 },
        ],
        count: 4,
        sum: 100.65,
      },
    ]);
  });
});
