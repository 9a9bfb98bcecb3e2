// A date and time with its zone, as protocols and programs write them: RFC 3339 §5.6.

const form = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[-+]\d\d:\d\d)$/;

/** Milliseconds since 1970; undefined when it is none. */
export function parseDateTime(text: string): number | undefined {
  const written = text.toUpperCase();
  const [, day] = form.exec(written) ?? [];
  const time = day === undefined ? Number.NaN : Date.parse(written);
  return Number.isNaN(time) || !isDay(day!) ? undefined : time;
}

/** The 30th of February is no date, though it can be counted to. */
export function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}
