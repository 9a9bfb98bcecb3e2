// Whether the server lives and is ready, for those who watch it, and its numbers in Prometheus' text format
// for those who may see them.

import type { Metric } from '../base/metrics.ts';
import { metricsText } from './metrics-text.ts';
import type { WebApp } from './web-app.ts';

export interface HealthParts {
  /** Why it is not ready, in a word or two; undefined when it is. */
  readonly unready: () => Promise<string | undefined>;
  readonly metrics: () => readonly Metric[];
  readonly maySeeMetrics: (address: string) => boolean;
}

export function healthPaths({ unready, metrics, maySeeMetrics }: HealthParts) {
  return (app: WebApp): void => {
    app.get('/healthz', (c) => c.text('ok\n'));
    app.get('/readyz', async (c) => {
      const problem = await unready();
      return problem === undefined ? c.text('ready\n') : c.text(`not ready: ${problem}\n`, 503);
    });
    app.get('/metrics', (c) => {
      // What a proxy on this machine hands on comes from elsewhere, whatever its socket says.
      const handedOn = c.req.header('x-forwarded-for') ?? c.req.header('forwarded');
      if (handedOn !== undefined || !maySeeMetrics(c.env.address))
        return c.text('not for you\n', 403);
      return c.body(metricsText(metrics()), 200, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      });
    });
  };
}
