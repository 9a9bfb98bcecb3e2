// The history as a server and its commands have it: written into files of this node, and asked of all nodes where they
// share a store, of the files and their index where there is one.

import { FileHistory, type FileHistoryOptions } from './files/history.ts';
import type { HistoryStore } from './history.ts';
import type { HistorySearch } from './history-search.ts';
import type { OpenHistorySearch } from './sqlite/history/open-history-search.ts';
import { historySearchHere, openHistorySearch } from './sqlite/history/open-history-search.ts';
import type { Stores } from './stores.ts';

export interface HistorySettings {
  /** Octets of the files, about. */
  readonly size: number;
  /** How long what is shared is known, in milliseconds. */
  readonly keep: number;
}

export interface OpenHistoryOptions
  extends Pick<FileHistoryOptions, 'directory' | 'clock' | 'log' | 'onRecorded'> {
  readonly stores: Pick<Stores, 'openHistory'>;
  readonly settings: HistorySettings;
  /** For one command, which has nothing else to do meanwhile. */
  readonly brief?: boolean;
}

/** To be closed in this order, before the stores. */
export interface OpenHistory {
  readonly history: HistoryStore;
  readonly search: HistorySearch & AsyncDisposable;
  /** Other settings are in force. */
  change(settings: HistorySettings): void;
}

export function openHistory(options: OpenHistoryOptions): OpenHistory {
  const { stores, settings, brief = false } = options;
  const shared = stores.openHistory?.({ directory: options.directory, keptMs: settings.keep });
  const search = shared ?? (brief ? historySearchHere(options) : openHistorySearch(options));
  const files = new FileHistory({
    ...{ ...options, bytesMax: settings.size },
    onWritten: (bytes) => search.wrote(bytes),
  });
  return {
    history: shared === undefined ? files : askedOf(shared, files),
    search: flushed(search, files),
    change({ size, keep }) {
      files.resize(size);
      shared?.keep(keep);
    },
  };
}

/** What was recorded until now is found. */
const askedOf = (
  shared: Pick<HistoryStore, 'find' | 'findRefused'>,
  files: FileHistory,
): HistoryStore => ({
  record: (event) => files.record(event),
  async find(id) {
    await files.flush();
    return shared.find(id);
  },
  async findRefused(text) {
    await files.flush();
    return shared.findRefused(text);
  },
  flush: () => files.flush(),
  [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
});

const flushed = (search: OpenHistorySearch, files: FileHistory): OpenHistory['search'] => ({
  async messages(asked) {
    await files.flush();
    return search.messages(asked);
  },
  async refusals(asked) {
    await files.flush();
    return search.refusals(asked);
  },
  [Symbol.asyncDispose]: () => search[Symbol.asyncDispose](),
});
