// The spool on this store: content is gathered in memory while it is small, and is then written in pieces
// while it comes in. It is there for good before any row refers to it.

import type { Content, StoredContent } from '../../content.ts';
import { inlineBytesMax, memoryContent } from '../../content.ts';
import { FileWriter, writeAtOnce } from '../../files/file-writer.ts';
import type { SpoolMemory } from '../../files/spool-memory.ts';
import { readBlocks, Shared } from '../../files/spool-memory.ts';
import type { ContentWriter, Spool } from '../../spool.ts';
import type { ContentTable } from './content-table.ts';

export interface PostgresSpoolParts {
  readonly contents: ContentTable;
  readonly memory?: SpoolMemory;
}

export class PostgresSpool implements Spool {
  readonly #parts: PostgresSpoolParts;
  readonly #shared: Shared;

  constructor(parts: PostgresSpoolParts) {
    const { contents, memory } = parts;
    this.#parts = parts;
    this.#shared = new Shared(
      {
        newKey: () => String(contents.newId()),
        open: (key) => contents.large.create(Number(key)),
        // Each part was there for good when it was written.
        sync: async () => {},
        discard: (key) => contents.large.discard(Number(key)),
      },
      memory,
    );
    contents.whenFreed((id) => this.#shared.recent.delete(String(id)));
  }

  create(): ContentWriter {
    return new FileWriter(this.#shared, inlineBytesMax);
  }

  store(bytes: Uint8Array): Promise<StoredContent> {
    return writeAtOnce(this.#shared, bytes);
  }

  open(stored: StoredContent): Content {
    if (stored.kind === 'inline') return memoryContent(stored.bytes);
    const { key, size } = stored;
    const large = this.#parts.contents.large.content(Number(key), size);
    return {
      ...large,
      read: (options) => {
        const blocks = this.#shared.recent.get(key);
        return blocks === undefined ? large.read(options) : readBlocks(blocks, options);
      },
    };
  }

  async remove(key: string): Promise<void> {
    this.#shared.recent.delete(key);
    await this.#parts.contents.free(Number(key)).catch(() => {}); // swept a day later
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared.close();
  }
}
