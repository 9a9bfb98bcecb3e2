// What stands in the way of a server where a store was moved from, or is being moved to, and of a move where there is
// something else already: in words.

import { StoreOpenError } from '../open-error.ts';
import { type Left, MoveError } from './places.ts';

/** Tables of a move, where one is under way; `moved` stays where everything was moved from. */
export const moveTables = {
  /** Of the source: which move it is. */
  source: 'move_source',
  /** Of the source: what changed. */
  change: 'move_change',
  /** Of the target: which move it is. */
  target: 'move_target',
  /** Of the target: how far each table has been copied. */
  cursor: 'move_cursor',
  /** Of the target: which content has been copied. */
  content: 'move_content',
  moved: 'moved',
} as const;

/** What refuses to write to a store that was left, where its servers are not all on one machine. */
export const refusal = 'moved_away';

export const movedAway = (name: string, to: string): StoreOpenError =>
  new StoreOpenError(
    'moved',
    `everything in ${name} was moved to ${to}: put that store into the configuration`,
  );

export const underWay = (name: string): StoreOpenError =>
  new StoreOpenError(
    'moving',
    `a move to ${name} is not finished: call \`postrider store migrate\` again, or give it up with --abandon`,
  );

/** A store with nothing in these is not used. */
export const usedTables = ['account', 'mailbox', 'message'] as const;

export const inUse = (name: string): MoveError =>
  new MoveError(`${name} has a store with mail or accounts already: move to an empty one`);

export const halfOfAnother = (name: string): MoveError =>
  new MoveError(`${name} has half of another move: begin again with --restart`);

/** `room`: how it makes room. */
export const wasLeft = (name: string, { at }: Left, room: string): MoveError =>
  new MoveError(
    `${name} has the store that everything was moved from on ${new Date(at).toISOString().slice(0, 10)}: ` +
      `call this with --replace to ${room}`,
  );

/** For people, who may show it to others: an address without its password, wherever that stands in it. */
export const withoutPassword = (url: string): string =>
  url
    .replace(/^(\w+:\/\/[^:@/?#]*):[^/?#]*@/, '$1@')
    .replace(/([?&])(?:ssl)?password=[^&#]*&?/g, '$1')
    .replace(/[?&]$/, '');
