// What is done to a store beside its daily work: copying it while it is used, and giving up content
// that nobody has any more.

export interface Mended {
  /** Messages in folders that were replaced by word of their loss. */
  readonly messages: number;
  /** Where what was left of the content lies now, if anything was. */
  readonly aside: string | undefined;
}

export interface StoreMaintenance {
  /**
   * When it resolves, everything accepted so far is in the database, and content it refers to stays
   * where it is until the hold is released, whatever becomes of its messages.
   */
  hold(): Promise<() => void>;
  /**
   * Gives up content that is missing or damaged: each message that had it is replaced, under a new UID and
   * with its flags, by one that says so. Undefined when the content is fine, or gone with its messages.
   */
  mend(content: number): Promise<Mended | undefined>;
}
