// What mailboxes will hold when the queue has delivered what was accepted for them. The rows of the
// queue say it too (recipient.account and recipient.room); the sums are kept in memory, since they are
// asked for with every message. Belongs to whoever has the queue to himself.

import { TransientMap } from '../../base/transient-map.ts';
import type { Quota } from '../folder-store.ts';
import type { Work } from './work.ts';

interface Room {
  readonly account: string;
  readonly bytes: number;
}

export const noRoomTaken: Quota = { bytes: 0, messages: 0 };

export class Rooms {
  readonly #work: Work;
  readonly #sums = new TransientMap<string, Quota>();
  /** By the message's key, then by the recipient's index. */
  readonly #rooms = new TransientMap<number, Map<number, Room>>();

  constructor(work: Work) {
    this.#work = work;
  }

  /** What the queue holds for an account. */
  takenBy(account: string): Quota {
    return this.#sums.get(account) ?? noRoomTaken;
  }

  /** The account that a recipient has room in. */
  of(key: number, index: number): string | undefined {
    return this.#rooms.get(key)?.get(index)?.account;
  }

  take(key: number, index: number, room: Room): void {
    this.#set(key, index, room);
    this.#work.undo(() => this.#delete(key, index, room));
  }

  /** The recipient leaves the queue, or needs no room there any more. */
  give(key: number, index: number): void {
    const room = this.#rooms.get(key)?.get(index);
    if (room === undefined) return;
    this.#delete(key, index, room);
    this.#work.undo(() => this.#set(key, index, room));
  }

  #set(key: number, index: number, room: Room): void {
    const { account, bytes } = room;
    const rooms = this.#rooms.get(key) ?? new Map<number, Room>();
    this.#rooms.set(key, rooms.set(index, room));
    const sum = this.takenBy(account);
    this.#sums.set(account, { bytes: sum.bytes + bytes, messages: sum.messages + 1 });
  }

  #delete(key: number, index: number, { account, bytes }: Room): void {
    const rooms = this.#rooms.get(key);
    rooms?.delete(index);
    if (rooms?.size === 0) this.#rooms.delete(key);
    const sum = this.takenBy(account);
    if (sum.messages <= 1) this.#sums.delete(account);
    else this.#sums.set(account, { bytes: sum.bytes - bytes, messages: sum.messages - 1 });
  }
}
