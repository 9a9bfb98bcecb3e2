// The keys that sign now, in memory. What was changed on disk is seen a minute later at most, by one look at
// the index; a key that could not be read is tried again as often.

import { statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { KeyEntry } from './dkim-keys.ts';
import { indexFile, KeyFilesError, readIndex, readKey } from './dkim-keys.ts';
import type { DkimSigner } from './dkim-sign.ts';

export type KeysFound =
  | { readonly kind: 'signers'; readonly signers: readonly DkimSigner[] }
  /** They are there and cannot be used. `problem` is for those whose mail waits for it. */
  | { readonly kind: 'unreadable'; readonly problem: string };

export interface KeyRingParts {
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<Log, 'warn'>;
}

/** Limit: how long changed files may go unnoticed. */
const lookMs = 60_000;

export class DkimKeyRing {
  readonly #parts: KeyRingParts;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Of the index as it was read; undefined: all of it has to be read again. */
  #version: string | undefined;
  #domains: ReadonlyMap<string, KeysFound> = new Map();
  #unreadable: KeysFound | undefined;

  constructor(parts: KeyRingParts) {
    this.#parts = parts;
  }

  /** Nobody's mail is signed. */
  get isEmpty(): boolean {
    this.#look();
    return this.#domains.size === 0 && this.#unreadable === undefined;
  }

  /** Those of the domain, or of the closest one above it that has any. */
  keysFor(domain: string): KeysFound | undefined {
    this.#look();
    if (this.#unreadable !== undefined) return this.#unreadable;
    for (let name = domain; name !== ''; name = parentOf(name)) {
      const found = this.#domains.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #look(): void {
    const now = this.#parts.clock.now();
    if (now - this.#lookedAt < lookMs) return;
    this.#lookedAt = now;
    const { directory } = this.#parts;
    const version = versionOf(indexFile(directory));
    if (version !== undefined && version === this.#version) return;
    this.#version = version;
    this.#unreadable = undefined;
    this.#domains = new Map();
    if (version === noIndex) return;
    try {
      this.#domains = this.#read(readIndex(directory));
    } catch (error) {
      this.#unreadable = this.#failed(error, 'The DKIM keys cannot be read');
    }
  }

  #read(entries: readonly KeyEntry[]): ReadonlyMap<string, KeysFound> {
    const domains = new Map<string, KeysFound>();
    for (const entry of entries) {
      if (entry.state !== 'active') continue;
      const { domain } = entry;
      const before = domains.get(domain);
      if (before?.kind === 'unreadable') continue;
      const found = this.#signer(entry);
      const signers = [...(before?.signers ?? []), ...('signers' in found ? found.signers : [])];
      domains.set(domain, found.kind === 'unreadable' ? found : { kind: 'signers', signers });
    }
    return domains;
  }

  #signer(entry: KeyEntry): KeysFound {
    const { domain, selector } = entry;
    try {
      const privateKey = readKey(this.#parts.directory, entry);
      return { kind: 'signers', signers: [{ domain, selector, privateKey }] };
    } catch (error) {
      return this.#failed(error, `The DKIM key ${selector}._domainkey.${domain} cannot be read`);
    }
  }

  #failed(error: unknown, problem: string): KeysFound {
    if (!(error instanceof KeyFilesError)) throw error;
    this.#version = undefined;
    this.#parts.log.warn('mail waits for a DKIM key', { problem: error.message });
    return { kind: 'unreadable', problem };
  }
}

const parentOf = (name: string): string => {
  const dot = name.indexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1);
};

const noIndex = 'none';

/** undefined: it cannot be looked at. */
function versionOf(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? noIndex : `${found.ino} ${found.mtimeMs} ${found.size}`;
  } catch {
    return undefined;
  }
}
