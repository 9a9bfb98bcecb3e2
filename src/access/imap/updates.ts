// What a session is told of the folder it has selected. RFC 9051 §5.2 and §7.5.1, RFC 2177.

import type { CommandContext, Updates } from './context.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

export class SelectedUpdates implements Updates {
  readonly #context: CommandContext;
  readonly #selected: SelectedMailbox;
  readonly #deaf: () => void;

  constructor(context: CommandContext, selected: SelectedMailbox) {
    this.#context = context;
    this.#selected = selected;
    this.#deaf = selected.open.listen(() => context.wake());
  }

  get unasked(): boolean {
    return false;
  }

  tell(when: 'command' | 'keep-numbers' | 'idle' | 'unasked'): Promise<void> | undefined {
    // What the store told of before the command ended is told with it.
    const current = when === 'unasked' ? undefined : this.#selected.open.current();
    if (current !== undefined) return current.then(() => this.#tell(when));
    this.#tell(when);
    return undefined;
  }

  close(): void {
    this.#deaf();
    this.#context.openFolders.close(this.#selected.open);
  }

  #tell(when: 'command' | 'keep-numbers' | 'idle' | 'unasked'): void {
    // RFC 9051 §7.5.1: nothing is expunged where the client may be using message numbers.
    this.#selected.sync(this.#context, { mayExpunge: when === 'command' || when === 'idle' });
  }
}
