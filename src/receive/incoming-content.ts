// The content of a message while it comes in. What cannot be kept is read to its end all the same: the answer comes
// when the client waits for it.

import { assert } from '../base/assert.ts';
import type { ContentWriter } from '../store/spool.ts';

export class IncomingContent {
  #writer: ContentWriter | undefined;

  /** The first octets, as far as they are at hand. */
  get head(): Uint8Array | undefined {
    return this.#writer?.head?.();
  }

  /** Several chunks (BDAT) are one content. */
  begin(create: () => ContentWriter): void {
    this.#writer ??= create();
  }

  /** What cannot be kept is the answer to `message`, when the rest has been read. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const writer = this.#writer;
    assert(writer !== undefined, 'content follows "data"');
    const failed = (error: unknown): Promise<void> => {
      if (this.#writer === writer) this.#writer = failedWriter(error);
      return writer.abort();
    };
    try {
      return writer.write(bytes)?.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** All of it is here: whoever takes it commits or aborts it. */
  take(): ContentWriter {
    const writer = this.#writer;
    assert(writer !== undefined, 'content follows an envelope');
    this.#writer = undefined;
    return writer;
  }

  /** Nothing of it remains. */
  abort(): Promise<void> | undefined {
    const writer = this.#writer;
    this.#writer = undefined;
    return writer?.abort();
  }
}

/** Stands in for a writer that failed: takes the rest of the content, and fails at its end. */
const failedWriter = (error: unknown): ContentWriter => ({
  size: 0,
  write: () => undefined,
  commit: () => Promise.reject(error),
  release: () => {},
  abort: () => Promise.resolve(),
});
