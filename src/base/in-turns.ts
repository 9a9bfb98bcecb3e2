// Work on many octets that must not hold up everybody else in the thread: in slices, between which others have
// their turn. Whoever waits for one gets it alone: of all that is worked on there is one slice in each round of
// the event loop.

/** Limit: octets that are worked on at once. Hashing as many in four ways takes a quarter of a millisecond, and one of the worst. */
const sliceBytes = 16 * 1024;

/** Undefined where one turn was enough: then it is done. */
export function inTurns(
  bytes: Uint8Array,
  work: (slice: Uint8Array) => void,
): Promise<void> | undefined {
  if (bytes.length > sliceBytes) return slices(bytes, work);
  work(bytes);
  return undefined;
}

async function slices(bytes: Uint8Array, work: (slice: Uint8Array) => void): Promise<void> {
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    if (at > 0) await nextTurn();
    work(bytes.subarray(at, at + sliceBytes));
  }
}

/** For work that is not one run of octets: whoever shares one shares its slices. */
export class Turns {
  #spent = 0;

  /** Before work on so many octets, or what takes as long: what has to be waited for first, if anything. */
  spend(octets: number): Promise<void> | undefined {
    this.#spent += octets;
    if (this.#spent <= sliceBytes) return undefined;
    this.#spent = octets;
    return nextTurn();
  }
}

const waiting: (() => void)[] = [];

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(goOn);
  });
}

function goOn(): void {
  const resolve = waiting.shift()!;
  if (waiting.length > 0) setImmediate(goOn);
  resolve();
}
