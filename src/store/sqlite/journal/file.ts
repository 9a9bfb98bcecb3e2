// What the journal asks of a disk: a folder of files that are written in place. The real one is in
// disk.ts; memory-directory.ts has one that a simulation can fill, tear and crash.

export interface JournalFile {
  readonly name: string;
  readonly size: number;
  /**
   * In order, from `position`; on the disk once it calls back without an error. The pieces may be
   * used again from then on. One write at a time.
   */
  write(
    pieces: readonly Uint8Array[],
    position: number,
    callback: (error: Error | undefined) => void,
  ): void;
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface JournalDirectory {
  /** For people: where it is. */
  readonly path: string;
  /** Opens what is there. Leftovers of files that were never finished are removed. */
  open(): Promise<readonly JournalFile[]>;
  /** A file of `size` octets that begins with `head`: all of it and its name on the disk. */
  create(name: string, head: Uint8Array, size: number): Promise<JournalFile>;
  /** Closes and removes it. Never throws. */
  remove(file: JournalFile): Promise<void>;
}
