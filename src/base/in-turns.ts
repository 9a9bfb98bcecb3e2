// Work on many octets that must not hold up everybody else in the thread: in slices, between which others have
// their turn.

/** Limit: octets that are worked on at once. Hashing as many in four ways takes half a millisecond, and two of the worst. */
const sliceBytes = 32 * 1024;

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
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    work(bytes.subarray(at, at + sliceBytes));
  }
}
