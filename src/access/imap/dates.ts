// Dates as IMAP writes them: RFC 9051 §9, date-time. Always in UTC. The day is kept, since the
// messages of a page are often of few days.

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const pairs = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

const dayMs = 86_400_000;
/** Limit: days whose text is kept. */
const daysMax = 10_000;
const days = new Map<number, string>();

/** What four digits of a year can say. A store may hold anything. */
const firstMs = -62_135_596_800_000; // 0001-01-01
const lastMs = 253_402_300_799_999; // 9999-12-31

/** With quotes. */
export function dateTimeText(received: number): string {
  const ms = Math.min(Math.max(received || 0, firstMs), lastMs);
  const day = Math.floor(ms / dayMs);
  const second = Math.floor((ms - day * dayMs) / 1000);
  const minute = Math.trunc(second / 60);
  const hour = Math.trunc(minute / 60);
  const time = `${pairs[hour]}:${pairs[minute - hour * 60]}:${pairs[second - minute * 60]}`;
  return `"${days.get(day) ?? keepDay(day)} ${time} +0000"`;
}

// date-day-fixed = (SP DIGIT) / 2DIGIT
function keepDay(day: number): string {
  const date = new Date(day * dayMs);
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  const dayOfMonth = String(date.getUTCDate()).padStart(2, ' ');
  const text = `${dayOfMonth}-${months[date.getUTCMonth()]}-${year}`;
  if (days.size >= daysMax) days.clear();
  days.set(day, text);
  return text;
}
