// Rows as they come from a database, checked while they are read: a damaged row is noticed here, not
// three floors up.

export type Row = Readonly<Record<string, unknown>>;

/** A row that cannot be what we wrote: it was changed by something else, or is damaged. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError';
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw damaged('text', value);
  return value;
}

export function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged('integer', value);
  return value;
}

export const textOrNull = (value: unknown): string | null => (value === null ? null : text(value));

export const integerOrNull = (value: unknown): number | null =>
  value === null ? null : integer(value);

export function blob(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged('blob', value);
  return value;
}

function damaged(expected: string, value: unknown): DamagedRowError {
  const found = value === null ? 'null' : typeof value;
  return new DamagedRowError(`the store is damaged: expected ${expected} in a row, found ${found}`);
}
