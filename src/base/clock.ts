// Time as a parameter, so that a test or a simulation can hold it, and so that a wall clock which
// jumps does not make the queue stampede or stop.

export interface Clock {
  /** Milliseconds since the epoch, never going back and never jumping while the process lives. */
  now(): number;
  /** Calls back once, `delayMs` later; returns what cancels it. Never keeps the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Longest delay of a Node timer; longer waits are taken in steps by whoever waits. */
export const timerDelayMsMax = 2 ** 31 - 1;

/**
 * The wall clock as it was at the start, carried on by the monotonic clock. When the machine's
 * clock is set while we run, queue times go on smoothly; what is printed for people uses Date.
 */
export function systemClock(): Clock {
  const offset = Date.now() - performance.now();
  return {
    now: () => Math.floor(offset + performance.now()),
    after(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), timerDelayMsMax));
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves `delayMs` later by this clock. */
export function sleep(clock: Pick<Clock, 'after'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
