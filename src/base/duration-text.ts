// Durations as people write them: '30s', '5m', '4h', '5d'. For the configuration, and for what is told of it.

export type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w';
export type Duration = `${number}${DurationUnit}`;

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
]);

/** '30s' → 30000; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|[smhdw])$/.exec(text) ?? [];
  return number === undefined ? undefined : Math.round(Number(number) * durationUnits.get(unit!)!);
}

/** 300000 → '5m': the largest unit that divides it. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const units = [...durationUnits].filter(([unit]) => unit !== 'w').reverse();
  const [unit, factor] = units.find(([, factor]) => ms >= factor && ms % factor === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}
