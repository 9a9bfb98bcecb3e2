// The embedded store's maintenance: see ../maintenance.ts.

import type { Clock } from '../../base/clock.ts';
import { ContentError } from '../content.ts';
import type { Mended, StoreMaintenance } from '../maintenance.ts';
import type { Spool, SpoolUpkeep } from '../spool.ts';
import type { GroupCommit } from './group-commit.ts';

export interface SqliteMaintenanceParts {
  readonly commit: GroupCommit;
  /** What is only in the journal is in the database when it resolves. */
  readonly saveJournal: () => Promise<void>;
  readonly spool: Spool & SpoolUpkeep;
  readonly clock: Clock;
}

export class SqliteMaintenance implements StoreMaintenance {
  readonly #parts: SqliteMaintenanceParts;

  constructor(parts: SqliteMaintenanceParts) {
    this.#parts = parts;
  }

  async hold(): Promise<() => void> {
    const { commit, saveJournal, spool } = this.#parts;
    const release = spool.hold();
    try {
      await saveJournal();
      await commit.call('flush', []);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  async mend(content: number): Promise<Mended | undefined> {
    const { commit, spool, clock } = this.#parts;
    const file = await commit.call('contentFile', [content]);
    if (file === undefined) return undefined;
    try {
      await spool.look(file);
      return undefined;
    } catch (error) {
      // What only cannot be read may be whole.
      if (!(error instanceof ContentError) || error.problem === 'unreadable') throw error;
    }
    const aside = await spool.setAside(file.key);
    const messages = await commit.call('replaceContent', [content, clock.now()]);
    return { messages, aside };
  }
}
