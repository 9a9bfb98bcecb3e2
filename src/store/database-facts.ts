// What is found when a database that several nodes share is looked at without opening the stores in it, and what a move has
// left in any store.

/** What a move left in a store: one from it or to it that is not finished, or that it was left. */
export type MoveFound =
  | { readonly kind: 'from'; readonly notes: number }
  | { readonly kind: 'to' }
  | { readonly kind: 'left'; readonly to: string };

export interface DatabaseFacts {
  /** `15.18` */
  readonly version: string;
  /** Of a version that stores can be opened on. */
  readonly isKnown: boolean;
  /** What is committed is on the disk by then. */
  readonly isFlushed: boolean;
  /** It can only be read: the primary is another one. */
  readonly isStandby: boolean;
  /** A statement that takes too long is ended. */
  readonly isLimited: boolean;
  /** What others do there may be seen: their transactions, and standbys. */
  readonly seesAll: boolean;
  /** That follow it now, as far as we may see. */
  readonly standbys: number;
  /** A commit waits until one of them has it, too. */
  readonly waitsForStandby: boolean;
  readonly move?: MoveFound | undefined;
}
