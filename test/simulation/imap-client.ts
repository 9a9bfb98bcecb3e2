// An IMAP client that believes every untagged response: what it knows of the selected mailbox is what
// a real client would know. It fails on numbers that cannot be. RFC 9051 §7, RFC 7162 §3.2.10.

import assert from 'node:assert/strict';
import type { OwnersCommand } from '../../src/imap/event.ts';

interface Known {
  uid: number | undefined;
  /** Without \Recent, sorted, separated by spaces; undefined: not told. */
  flags: string | undefined;
  modseq: number;
  /** RFC 3501 §2.3.2; it stays for as long as the mailbox is selected. */
  recent: boolean;
}

export class ImapClient {
  /** By number minus one. */
  readonly messages: Known[] = [];
  /** What RECENT said last. */
  recent = 0;
  #unasked = false;

  /** `unasked`: whatever is told of a message must be new. */
  read(lines: readonly string[], options: { readonly unasked: boolean }): void {
    this.#unasked = options.unasked;
    for (const line of lines) this.#line(line);
  }

  /** What STORE with .SILENT did, which is not told. RFC 9051 §6.4.6. */
  store({ uid, set, change, flags }: Extract<OwnersCommand, { name: 'STORE' }>): void {
    if (set.kind === 'saved') return;
    for (const [index, known] of this.messages.entries()) {
      const name = uid ? known.uid : index + 1;
      const meant = set.ranges.some(
        ({ from, to }) => name! >= Math.min(from, to) && name! <= Math.max(from, to),
      );
      if (!meant || known.flags === undefined) continue;
      const words = new Set(change === 'replace' ? [] : known.flags.split(' '));
      for (const flag of flags)
        if (change === 'remove') words.delete(flag);
        else words.add(flag);
      known.flags = [...words].filter(Boolean).sort().join(' ');
    }
  }

  get uids(): readonly (number | undefined)[] {
    return this.messages.map(({ uid }) => uid);
  }

  #line(line: string): void {
    const words = line.split(' ');
    if (words[1] === 'EXISTS') this.#exists(Number(words[0]));
    else if (words[1] === 'RECENT') this.recent = Number(words[0]);
    else if (words[1] === 'EXPUNGE') this.#expunge(Number(words[0]));
    else if (words[0] === 'VANISHED') this.#vanished(words.at(-1)!, words[1] === '(EARLIER)');
    else if (words[1] === 'FETCH') this.#fetch(this.#at(Number(words[0])), line);
    else if (words[1] === 'UIDFETCH') {
      const found = this.messages.find(({ uid }) => uid === Number(words[0]));
      if (found !== undefined) this.#fetch(found, line);
    }
  }

  #at(number: number): Known {
    const known = this.messages[number - 1];
    assert.ok(known !== undefined, `there is no message ${number}`);
    return known;
  }

  #exists(count: number): void {
    assert.ok(count >= this.messages.length, `EXISTS ${count} takes messages away`);
    while (this.messages.length < count)
      this.messages.push({ uid: undefined, flags: undefined, modseq: 0, recent: false });
  }

  #expunge(number: number): void {
    this.#at(number);
    this.messages.splice(number - 1, 1);
  }

  #vanished(set: string, earlier: boolean): void {
    for (const uid of uidsOf(set)) {
      const index = this.#indexOf(uid);
      assert.ok(index >= 0 || earlier, `VANISHED ${uid}, which is not known`);
      if (index >= 0) this.messages.splice(index, 1);
    }
  }

  /** Of messages whose UIDs were not asked for yet, one that may have this UID is as good as another. */
  #indexOf(uid: number): number {
    const known = this.messages.findIndex((message) => message.uid === uid);
    if (known >= 0) return known;
    const above = this.messages.findIndex(
      (message) => message.uid !== undefined && message.uid > uid,
    );
    const end = above < 0 ? this.messages.length : above;
    return this.messages[end - 1]?.uid === undefined ? end - 1 : -1;
  }

  #fetch(known: Known, line: string): void {
    const modseq = Number(/MODSEQ \((\d+)\)/.exec(line)?.[1] ?? 0);
    if (this.#unasked && modseq > 0) assert.ok(modseq > known.modseq, `${line}: told before`);
    known.modseq = Math.max(known.modseq, modseq);
    const uid = / UIDFETCH /.test(line) ? null : /[( ]UID (\d+)/.exec(line);
    if (uid !== null) {
      assert.ok(known.uid === undefined || known.uid === Number(uid[1]), `${line}: another UID`);
      known.uid = Number(uid[1]);
    }
    const flags = /FLAGS \(([^)]*)\)/.exec(line);
    if (flags === null) return;
    const words = new Set(flags[1]!.split(' ').filter(Boolean));
    const recent = words.delete('\\Recent');
    assert.ok(recent || !known.recent, `${line}: it was recent before`);
    known.recent = recent;
    known.flags = [...words].sort().join(' ');
  }
}

export function* uidsOf(set: string): Generator<number> {
  for (const part of set.split(',')) {
    const [from, to] = part.split(':').map(Number);
    for (let uid = from!; uid <= (to ?? from!); uid += 1) yield uid;
  }
}
