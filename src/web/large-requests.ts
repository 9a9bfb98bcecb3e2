// What is large and has to be in memory to be answered: bodies of requests, and the messages that answers are made of.
// An account has so much room for them on all its connections together, so that one cannot use up the memory of all;
// what finds no room waits unread. It is an account's own, for whoever sends or reads slowly holds it as long as they like.

import { HTTPException } from 'hono/http-exception';
import { SharedRoom } from '../base/shared-room.ts';
import type { WebClient } from './http-service.ts';

/** Limit: octets of an account's requests, and as many of what its answers are made of. What is larger has all of it. */
export const accountRoomBytes = 64 * 2 ** 20;
/** Limit: what is not counted. */
const smallBytes = 64 * 2 ** 10;
/** Limit: what an answer takes at least, which may be made of more than was said first. */
const answerBytes = 16 * 2 ** 20;
/** Limit: how long a request waits for room, its client silent meanwhile; and silence as usual. Milliseconds. */
const waitMs = 10 * 60_000;
const silentMs = 60_000;

type Client = Pick<WebClient, 'waits' | 'over'>;

export class LargeRequests {
  /** Two, since a request whose body has been read may wait for another that needs room for its answer. */
  readonly #bodies = new RoomOfEach();
  readonly #answers = new RoomOfEach();

  /**
   * Room for a body, until its request is over. Nothing of it has been read. Resolves to what is told how large it was: a
   * small one that did not say so leaves its room to others, however long it waits for its answer.
   * @throws HTTPException when whoever asked has left
   */
  async body(
    client: Client,
    whose: string,
    request: Request,
    bytesMax: number,
  ): Promise<(octets: number) => void> {
    const length = request.headers.get('content-length');
    const octets = length === null ? (request.body === null ? 0 : bytesMax) : Number(length);
    // What is too large is refused unread.
    const giveBack =
      octets <= bytesMax ? await take(this.#bodies, client, whose, octets) : undefined;
    return (read) => {
      if (read <= smallBytes) giveBack?.();
    };
  }

  /** What is called before something large is read, until the request is over: once for all of one request. It throws as body() does. */
  answerOf(client: Client, whose: string): (octets: number) => Promise<void> {
    let taken: Promise<unknown> | undefined;
    return async (octets) => {
      if (octets > smallBytes)
        taken ??= take(this.#answers, client, whose, Math.max(octets, answerBytes));
      await taken;
    };
  }
}

async function take(room: RoomOfEach, client: Client, whose: string, octets: number) {
  if (octets <= smallBytes || client.over === undefined) return;
  const left = new AbortController();
  client.over(() => left.abort(new HTTPException(400, { message: 'nobody waits any more\n' })));
  client.waits?.(waitMs);
  const giveBack = await room.take(whose, octets, left.signal);
  client.waits?.(silentMs);
  client.over(giveBack);
  return giveBack;
}

/** By account; who has nothing in it is forgotten. */
class RoomOfEach {
  readonly #rooms = new Map<string, { readonly room: SharedRoom; users: number }>();

  /** Resolves to what gives it back, once. @throws the reason of `left` */
  async take(whose: string, octets: number, left: AbortSignal): Promise<() => void> {
    const known = this.#rooms.get(whose) ?? { room: new SharedRoom(accountRoomBytes), users: 0 };
    this.#rooms.set(whose, known);
    known.users += 1;
    let giveBack = () => {};
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      giveBack();
      known.users -= 1;
      if (known.users === 0) this.#rooms.delete(whose);
    };
    try {
      giveBack = await known.room.take(octets, left);
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }
}
