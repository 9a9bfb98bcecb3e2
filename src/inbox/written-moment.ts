// Days and times as people write them in a search: 2026-01-31, 2026/1/31 14:30, 2026-01-31T14:30:00Z.

const form =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)? ?(Z|[+-]\d{2}:?\d{2})?$/i;

/** Milliseconds since the epoch; without an offset of its own by the clocks of `timeZone`. Undefined: not understood. */
export function momentOf(text: string, timeZone: string): number | undefined {
  const found = form.exec(text.trim());
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((n) => Number(n ?? 0));
  const utc = Date.UTC(year!, month! - 1, day, hour, minute, second);
  // 2026-02-30 is no day.
  if (Number.isNaN(utc) || new Date(utc).getUTCDate() !== day) return undefined;
  const offset = found[7];
  if (offset !== undefined) return utc - offsetMs(offset);
  // The clocks' offset at a moment near by, and then at the moment itself.
  const near = utc - zoneOffsetMs(utc, timeZone);
  return utc - zoneOffsetMs(near, timeZone);
}

function offsetMs(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** 0 for a name that no time zone has. */
function zoneOffsetMs(at: number, timeZone: string): number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    return 0;
  }
  const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return offsetMs(name.replace('GMT', ''));
}
