// States of an account as its clients are told them, and what changed between two of them: RFC 8620 §5.2.

import type { AccountChanges } from '../folder-store.ts';
import { integer, type Row } from '../row.ts';

/** What a tombstone is of. */
export const tombstoneKind = { folder: 0, email: 1 } as const;

/** An email that a folder has no longer, and when it came to the account. */
export type Departed = readonly [email: number, created: number];

/** All changes before `modseq`, and those of it up to `object`. */
export interface State {
  readonly modseq: number;
  readonly object: number;
}

export const all = Number.MAX_SAFE_INTEGER;

export const stateText = ({ modseq, object }: State): string =>
  object === all ? `${modseq}` : `${modseq}.${object}`;

/** Undefined for what stateText() never writes. */
export function stateOf(text: string): State | undefined {
  const [, modseq, object] = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (modseq === undefined) return undefined;
  return { modseq: Number(modseq), object: object === undefined ? all : Number(object) };
}

export interface Found {
  readonly rows: readonly Row[];
  readonly state: State;
  readonly hasMore: boolean;
  readonly complete: boolean;
}

export function sorted(
  { rows, state, ...found }: Found,
  idOf: (object: number) => string,
): AccountChanges {
  const created: string[] = [];
  const updated: string[] = [];
  const destroyed: string[] = [];
  for (const { object, live, fresh } of rows) {
    const list = live === 0 ? destroyed : fresh === 1 ? created : updated;
    list.push(idOf(integer(object)));
  }
  return { ...found, state: stateText(state), created, updated, destroyed };
}
