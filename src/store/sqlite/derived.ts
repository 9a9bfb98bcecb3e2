// What is derived from messages: digests, search, sort keys. Truth is the messages alone.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { MessageDigest } from '../../imap/digest.ts';
import { digestOf } from '../../imap/digest.ts';
import { casemap } from '../../mail/casemap.ts';
import { decodeEncodedWords } from '../../mail/encoded-word.ts';
import { parseHeader } from '../../mail/header.ts';
import type { ContentTerm, MailDigest, SortFacts } from '../folder-store.ts';
import { MessageSource, type ReadHead } from './message-source.ts';
import { integer } from './row.ts';

export class Derived {
  readonly #source: MessageSource;
  readonly #mails: StatementSync;
  readonly #mail: StatementSync;

  constructor(database: DatabaseSync, readHead: ReadHead) {
    this.#source = new MessageSource(database, readHead);
    this.#mails = database.prepare(
      'SELECT uid, email, received FROM mail WHERE folder = ? ORDER BY uid',
    );
    this.#mail = database.prepare('SELECT email FROM mail WHERE folder = ? AND uid = ?');
  }

  digests(folder: number, uids: readonly number[]): readonly (MailDigest | undefined)[] {
    return uids.map((uid) => {
      const email = this.#emailOf(folder, uid);
      const digest = email === undefined ? undefined : this.#digest(email);
      if (digest === undefined) return undefined;
      const { envelope, bodyStructure, body, preview } = digest;
      return { envelope, bodyStructure, body, preview };
    });
  }

  headers(folder: number, uids: readonly number[]): readonly (Uint8Array | undefined)[] {
    return uids.map((uid) => {
      const email = this.#emailOf(folder, uid);
      return email === undefined ? undefined : this.#source.header(email);
    });
  }

  search(folder: number, term: ContentTerm): Uint32Array {
    const rows = this.#mails.all(folder);
    const needle = term.kind === 'sent' ? '' : casemap(term.text);
    const found = rows.filter((row) => this.#matches(integer(row.email), term, needle));
    return Uint32Array.from(found.map(({ uid }) => integer(uid)));
  }

  sortFacts(folder: number, uids: readonly number[] | undefined): readonly SortFacts[] {
    const wanted = uids === undefined ? undefined : new Set(uids);
    return this.#mails.all(folder).flatMap((row) => {
      const uid = integer(row.uid);
      if (wanted !== undefined && !wanted.has(uid)) return [];
      const digest = this.#digest(integer(row.email));
      if (digest === undefined) return [];
      const { isReply, displayFrom, displayTo, messageId, references } = digest;
      return [
        {
          ...{ uid, isReply, displayFrom, displayTo, messageId, references },
          sent: digest.sentMs ?? integer(row.received),
          subject: digest.baseSubject,
          from: digest.sortFrom,
          to: digest.sortTo,
          cc: digest.sortCc,
        },
      ];
    });
  }

  #matches(email: number, term: ContentTerm, needle: string): boolean {
    const digest = this.#digest(email);
    if (digest === undefined) return false;
    switch (term.kind) {
      case 'sent': {
        const { sentDay } = digest;
        if (sentDay === undefined) return false;
        if (term.is === 'on') return sentDay === term.day;
        return term.is === 'before' ? sentDay < term.day : sentDay >= term.day;
      }
      case 'body':
        return casemap(digest.text).includes(needle);
      case 'text':
        return casemap(digest.text).includes(needle) || this.#headerHas(email, undefined, needle);
      case 'header':
        return this.#headerHas(email, term.name.toLowerCase(), needle);
    }
  }

  #headerHas(email: number, name: string | undefined, needle: string): boolean {
    const header = this.#source.header(email) ?? new Uint8Array(0);
    return parseHeader(header).some((field) =>
      name === undefined
        ? casemap(`${field.name}: ${decodeEncodedWords(field.value)}`).includes(needle)
        : field.lowerName === name && casemap(decodeEncodedWords(field.value)).includes(needle),
    );
  }

  #emailOf(folder: number, uid: number): number | undefined {
    const row = this.#mail.get(folder, uid);
    return row === undefined ? undefined : integer(row.email);
  }

  #digest(email: number): MessageDigest | undefined {
    const message = this.#source.message(email);
    return message === undefined ? undefined : digestOf(message);
  }
}
