// Numbers as Prometheus reads them: its text format 0.0.4. Every name begins with `postrider_`.

import type { Labels, Metric, Sample } from '../base/metrics.ts';

export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, kind, about, samples }) => {
      const full = `postrider_${name}`;
      const lines = samples.flatMap((sample) => linesOf(full, sample));
      return `# HELP ${full} ${help(about)}\n# TYPE ${full} ${kind}\n${lines.join('')}`;
    })
    .join('');
}

function linesOf(name: string, sample: Sample): readonly string[] {
  const { labels } = sample;
  if ('value' in sample) return [line(name, labels, sample.value)];
  const { buckets, count, sum } = sample;
  return [
    ...buckets.map((bucket) =>
      line(`${name}_bucket`, { ...labels, le: number(bucket.le) }, bucket.count),
    ),
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}\n`;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

const help = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escaped = (text: string): string => help(text).replaceAll('"', '\\"');
