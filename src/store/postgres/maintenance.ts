// Maintenance of a store that its database keeps: nothing has to be held for a backup, which the database makes of
// one moment.

import { ContentError } from '../content.ts';
import type { Mended, StoreMaintenance } from '../maintenance.ts';
import type { ContentTable } from './content/content-table.ts';
import type { Database } from './database.ts';

export class PostgresMaintenance implements StoreMaintenance {
  readonly #database: Database;
  readonly #contents: ContentTable;

  constructor(database: Database, contents: ContentTable) {
    this.#database = database;
    this.#contents = contents;
  }

  async hold(): Promise<() => void> {
    return () => {};
  }

  /** What the database has lost is for its own tools: nothing is given up here. @throws ContentError */
  async mend(content: number): Promise<Mended | undefined> {
    const found = await this.#contents.read(this.#database, content);
    if (found === undefined) throw new ContentError('missing', `there is no content ${content}`);
    await found.check?.();
    return undefined;
  }
}
