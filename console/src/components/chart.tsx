// A chart over time, drawn by uPlot in the console's colours; beside it the same numbers as a table for those who
// do not see it.

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockTime } from '../format.ts';
import { theme, themeShown } from '../theme.ts';

export interface Series {
  readonly name: string;
  /** 1 to 4: one of the colours for series. */
  readonly color: 1 | 2 | 3 | 4;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Of the first point, ms since 1970. */
  readonly from: number;
  readonly stepSeconds: number;
  readonly series: readonly Series[];
  readonly format?: (value: number) => string;
}

const height = 190;
const usualFormat = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(1);

export function Chart({ title, from, stepSeconds, series, format = usualFormat }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = dataOf(from, stepSeconds, series);
  const latest = useRef(data);
  latest.current = data;
  const names = series.map(({ name, color }) => `${name} ${color}`).join();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const stop = effect(() => {
      theme.value;
      themeShown();
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, series, format), latest.current, element);
    });
    const watch = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      stop();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names, format]);
  useEffect(() => plot.current?.setData(data));
  return (
    <figure aria-label={title}>
      <div class="chart" ref={place} aria-hidden="true" />
      <figcaption>
        <ul class="legend">
          {series.map(({ name, color, values }) => (
            <li key={name}>
              <i class={`s${color}`} />
              {name} <strong>{lastOf(values, format)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

function lastOf(values: readonly (number | null)[], format: (value: number) => string): string {
  const value = values.findLast((one) => one !== null);
  return value === undefined || value === null ? '–' : format(value);
}

const dataOf = (from: number, step: number, series: readonly Series[]): uPlot.AlignedData => {
  const length = series[0]?.values.length ?? 0;
  const times = Array.from({ length }, (_, i) => from / 1000 + i * step);
  return [times, ...series.map(({ values }) => [...values])];
};

/** What a token is at present: custom properties do not resolve themselves. */
function colorOf(element: HTMLElement, token: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionsOf(
  element: HTMLElement,
  series: readonly Series[],
  format: (value: number) => string,
): uPlot.Options {
  const color = (token: string) => colorOf(element, token);
  const axis: uPlot.Axis = {
    stroke: color('--ink-faint'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { show: false },
    font: `11px ${getComputedStyle(element).fontFamily}`,
  };
  const isEmpty = series.every(({ values }) => values.every((value) => !value));
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    padding: [8, 8, 0, 0],
    scales: { y: { range: (_, __, max) => [0, isEmpty ? 1 : max * 1.1] } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_, at) => at.map((seconds) => timeLabel(seconds, at)),
      },
      {
        ...axis,
        size: 46,
        space: 34,
        values: (_, at) => at.map((value) => (isEmpty && value % 1 !== 0 ? '' : format(value))),
      },
    ],
    series: [
      {},
      ...series.map((one): uPlot.Series => {
        const stroke = color(`--series-${one.color}`);
        // What stands alone between gaps is no line, and would not be seen.
        const hasGaps = one.values.includes(null);
        return { label: one.name, stroke, width: 1.75, points: { show: hasGaps, size: 4 } };
      }),
    ],
    hooks: { setCursor: [(shown) => showValues(shown, series, format)] },
  };
}

/** Hours within a day, days beyond. */
function timeLabel(seconds: number, all: readonly number[]): string {
  const isLong = (all.at(-1) ?? 0) - (all[0] ?? 0) > 2 * 86_400;
  const when = new Date(seconds * 1000);
  return isLong
    ? `${when.getDate()} ${when.toLocaleString('en', { month: 'short' })}`
    : clockTime(seconds * 1000).slice(0, 5);
}

function showValues(
  { cursor, root }: uPlot,
  series: readonly Series[],
  format: (value: number) => string,
): void {
  const items = root.closest('figure')?.querySelectorAll('.legend li');
  series.forEach(({ values }, i) => {
    const value = cursor.idx == null ? undefined : values[cursor.idx];
    const text = cursor.idx == null ? lastOf(values, format) : value == null ? '–' : format(value);
    const place = items?.[i]?.querySelector('strong');
    if (place) place.textContent = text;
  });
}
