// The keys of a domain as one text, and back into files: what several nodes share of them, so that all sign by the same.

import { createHash } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyEntry } from './dkim-keys.ts';
import {
  changeKeys,
  isKeyEntry,
  KeyFilesError,
  keyFile,
  readIndex,
  writeDurably,
} from './dkim-keys.ts';

interface KeptKey extends KeyEntry {
  /** PKCS #8. */
  readonly pem: string;
}

/** By domain, each the text of its keys: equal when the keys are. */
export type KeySets = ReadonlyMap<string, string>;

/** @throws KeyFilesError */
export function readKeySets(directory: string): KeySets {
  const keys = new Map<string, KeptKey[]>();
  for (const entry of readIndex(directory)) {
    const { domain } = entry;
    const path = keyFile(directory, entry);
    try {
      const pem = readFileSync(path, 'utf8');
      keys.set(domain, [...(keys.get(domain) ?? []), { ...entry, pem }]);
    } catch (error) {
      throw new KeyFilesError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  return new Map([...keys].map(([domain, of]) => [domain, textOf(of)]));
}

/** Those of the domains that are given are these from now on. @throws KeyFilesError */
export function writeKeySets(directory: string, sets: KeySets): void {
  const given = [...sets].flatMap(([domain, text]) => parse(domain, text));
  const gone = changeKeys(directory, (entries) => {
    for (const { pem, ...entry } of given) {
      const path = keyFile(directory, entry);
      mkdirSync(join(directory, entry.domain), { recursive: true, mode: 0o700 });
      writeDurably(openSync(`${path}.new`, 'w', 0o600), pem);
      renameSync(`${path}.new`, path);
    }
    const others = entries.filter(({ domain }) => !sets.has(domain));
    const files = new Set(given.map((key) => keyFile(directory, key)));
    return {
      entries: [...others, ...given.map(({ pem: _, ...entry }) => entry)],
      result: entries.filter(
        (entry) => sets.has(entry.domain) && !files.has(keyFile(directory, entry)),
      ),
    };
  });
  for (const entry of gone) rmSync(keyFile(directory, entry), { force: true });
}

/**
 * What two sets that were changed each by itself are together: all keys of both, in the state that came last. Of two keys
 * of one name the first set's stays: the DNS can have one.
 */
export function joinKeySets(domain: string, first: string, second: string): string {
  const keys = new Map(parse(domain, first).map((key) => [key.selector, key]));
  for (const key of parse(domain, second)) {
    const there = keys.get(key.selector);
    if (there === undefined) keys.set(key.selector, key);
    else if (there.pem === key.pem && there.since < key.since) keys.set(key.selector, key);
  }
  return textOf([...keys.values()]);
}

/** What was the same at this node and at all when it was last looked at, by domain: digests, since the keys are elsewhere. */
export function readAgreed(directory: string): ReadonlyMap<string, string> {
  try {
    const kept: unknown = JSON.parse(readFileSync(agreedFile(directory), 'utf8'));
    return new Map(Object.entries(kept as Record<string, string>));
  } catch {
    return new Map(); // then all keys of both are kept
  }
}

export function writeAgreed(directory: string, agreed: ReadonlyMap<string, string>): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = agreedFile(directory);
  writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(agreed)), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const agreedFile = (directory: string): string => join(directory, 'shared.json');

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** In the order in which they were made. */
const textOf = (keys: readonly KeptKey[]): string =>
  JSON.stringify(
    keys.map(({ domain, selector, algorithm, state, since, pem }) => ({
      ...{ domain, selector, algorithm, state, since, pem },
    })),
  );

/** Written by a node, which may be of another version. @throws KeyFilesError */
function parse(domain: string, text: string): readonly KeptKey[] {
  const keys = jsonOf(text);
  const isKey = (key: unknown): key is KeptKey =>
    isKeyEntry(key) && key.domain === domain && 'pem' in key && typeof key.pem === 'string';
  if (Array.isArray(keys) && keys.every(isKey)) return keys;
  throw new KeyFilesError(`the keys of ${domain} that nodes share are not what this version knows`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
