// What the process costs, by the names that Prometheus' own clients give it behind our prefix, and which version it is.

import { performance } from 'node:perf_hooks';
import type { Metrics } from '../base/metrics.ts';

export function processMetrics(metrics: Metrics, version: string): void {
  metrics.read('process_cpu_seconds_total', 'Processor time used.', cpuSeconds, 'counter');
  metrics.read(
    'event_loop_active_seconds_total',
    'For how long the server’s thread had something to do: a second in each second is all it has.',
    () => performance.eventLoopUtilization().active / 1000,
    'counter',
  );
  metrics.read('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  metrics.read('process_start_time_seconds', 'When the process began, in seconds since 1970.', () =>
    Math.round(performance.timeOrigin / 1000),
  );
  metrics.always('build_info', 'Which version this is.', { version });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
