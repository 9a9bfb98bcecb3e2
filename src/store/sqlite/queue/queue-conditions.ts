// A filter of the queue as conditions of SQL: on messages (`m`) and on their recipients (`r`).

import type { QueueFilter } from '../../queue-search.ts';
import { queueStates } from '../../queue-search.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** The state of a recipient, as the place in `queueStates`: written as in migration 0017, whose index it is to find. */
export const stateSql =
  'CASE WHEN r.due IS NULL THEN 2 WHEN r.held = 1 THEN 3 WHEN r.attempts > 0 THEN 1 ELSE 0 END';

export const anything: Condition = { sql: 'TRUE', values: [] };

export function both(...conditions: readonly Condition[]): Condition {
  const real = conditions.filter((one) => one !== anything);
  if (real.length === 0) return anything;
  return {
    sql: real.map(({ sql }) => `(${sql})`).join(' AND '),
    values: real.flatMap(({ values }) => values),
  };
}

export const ofMessage = ({ sender, since, until }: QueueFilter): Condition =>
  both(
    sender === undefined ? anything : addressIs('m.sender', sender),
    since === undefined ? anything : { sql: 'm.received >= ?', values: [since] },
    until === undefined ? anything : { sql: 'm.received < ?', values: [until] },
  );

export const ofRecipient = ({ recipient, destination, state }: QueueFilter): Condition =>
  both(
    recipient === undefined ? anything : addressIs('r.address', recipient),
    destination === undefined ? anything : { sql: 'r.destination = ?', values: [destination] },
    state === undefined
      ? anything
      : { sql: `${stateSql} = ?`, values: [queueStates.indexOf(state)] },
  );

export const textOfMessage = (sought: string): Condition =>
  anyHolds(['m.sender', 'm.message_id'], sought);

export const textOfRecipient = (sought: string): Condition =>
  anyHolds(['r.address', 'r.reply'], sought);

function anyHolds(columns: readonly string[], sought: string): Condition {
  const like = likeOf(`%${escaped(sought)}%`);
  const parts = columns.map(like);
  return {
    sql: parts.map(({ sql }) => sql).join(' OR '),
    values: parts.flatMap(({ values }) => values),
  };
}

/** SQLite's LIKE knows no case of ASCII letters. */
const likeOf =
  (pattern: string): ((column: string) => Condition) =>
  (column) => ({ sql: `${column} LIKE ? ESCAPE '\\'`, values: [pattern] });

/** `@domain` is all of a domain. */
function addressIs(column: string, address: string): Condition {
  if (!address.startsWith('@')) return { sql: `${column} = ? COLLATE NOCASE`, values: [address] };
  return likeOf(`%${escaped(address)}`)(column);
}

const escaped = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&');
