// Several sessions look at the same mailboxes and change them at the same time: they store, expunge,
// copy, move and fetch while mail is delivered, and the store answers in any order it likes.
//
// Safety: no session is ever told a number that cannot be, or an expunge where numbers are in use; what
// FETCH shows is of the message the number meant. In the end, when each was told everything, each
// knows exactly what the folder holds, and nobody is told anything twice.

import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import {
  memorySpool,
  TestConversation,
  testProcess,
} from '../../src/access/imap/test-conversation.ts';
import { FakeClock } from '../../src/base/fake-clock.ts';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { FetchItem, SequenceSet } from '../../src/imap/command.ts';
import type { Enabled, OwnersCommand } from '../../src/imap/event.ts';
import { OpenFolder } from '../../src/mailbox/open-folder.ts';
import type { FolderStore } from '../../src/store/folder-store.ts';
import { FolderModel } from './folder-model.ts';
import { ImapClient } from './imap-client.ts';

const account = 'user@example.org';
const flags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', '$One', 'Two', 'three'];

export interface ImapResult {
  readonly seed: number;
  readonly commands: number;
  readonly refused: number;
  readonly expunged: number;
}

interface Session {
  readonly conversation: TestConversation;
  /** Another one after each SELECT. */
  client: ImapClient;
  folder: number;
  busy: boolean;
}

const kinds: readonly (readonly Enabled[])[] = [
  [],
  ['IMAP4REV2'],
  ['CONDSTORE'],
  ['CONDSTORE', 'QRESYNC'],
  ['IMAP4REV2', 'CONDSTORE', 'QRESYNC', 'UIDONLY'],
];

/**
 * With stores on these, whose time is their own, and which are nodes that share their mailboxes if there are several; otherwise
 * on a model that repeats exactly.
 */
export async function simulateImap(
  seed: number,
  ...stores: readonly FolderStore[]
): Promise<ImapResult> {
  const world = new World(seed, stores);
  await world.start();
  for (let step = 0; step < 300; step += 1) await world.step();
  await world.settle();
  return world.result(seed);
}

/** The same with one command at a time, by turns: after each of them every session knows what the folder holds. */
export async function alternateImap(
  seed: number,
  ...stores: readonly FolderStore[]
): Promise<ImapResult> {
  const world = new World(seed, stores);
  await world.start();
  for (let turn = 0; turn < 40; turn += 1) await world.turn(turn);
  await world.settle();
  return world.result(seed);
}

class World {
  readonly #random: Random;
  /** Of each node. */
  readonly #stores: readonly FolderStore[];
  readonly #isModel: boolean;
  readonly #sessions: Session[] = [];
  /** Who was told that a message is recent. */
  readonly #recent = new Map<string, ImapClient>();
  readonly #running = new Set<Promise<void>>();
  #folders: readonly [number, number] = [0, 0];
  #commands = 0;
  #refused = 0;
  #expunged = 0;

  constructor(seed: number, stores: readonly FolderStore[]) {
    this.#random = seededRandom(seed);
    this.#isModel = stores.length === 0;
    this.#stores = this.#isModel ? [this.#newModel()] : stores;
  }

  /** Any of them: they are as good as each other. */
  get #store(): FolderStore {
    return this.#stores.length === 1 ? this.#stores[0]! : this.#pick(this.#stores);
  }

  #newModel(): FolderModel {
    const model = new FolderModel();
    const slow = this.#random.fraction();
    model.delay = async () => {
      const turns = this.#random.fraction() < slow ? this.#pick([1, 2, 5, 20]) : 0;
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    };
    // Sometimes expunges are forgotten, and everything has to be compared.
    if (this.#random.fraction() < 0.2) model.forgottenBefore = Number.POSITIVE_INFINITY;
    return model;
  }

  async start(): Promise<void> {
    await this.#store.ensure(account);
    const inbox = (await this.#store.find(account, 'INBOX'))!;
    const other = await this.#store.create(account, 'Other', undefined);
    this.#folders = [inbox.id, other.id];
    for (let i = 0; i < 5; i += 1) await this.#deliver(inbox.id);
    const processes = this.#stores.map((store) => testProcess(store, memorySpool, new FakeClock()));
    for (let i = 0; i < processes.length + 1 + this.#random.fraction() * 4; i += 1) {
      const process = processes[i % processes.length]!;
      const conversation = new TestConversation(process, account, this.#pick(kinds));
      const session = { conversation, client: new ImapClient(), folder: 0, busy: false };
      this.#sessions.push(session);
      await this.#select(session);
    }
  }

  async step(): Promise<void> {
    const turns = this.#random.fraction() < 0.3 ? 0 : this.#pick([1, 5, 30, 200]);
    for (let turn = 0; turn < turns; turn += 1)
      await (this.#isModel || turn % 20 > 0 ? undefined : setImmediate());
    if (this.#random.fraction() < 0.15) this.#begin(this.#deliver(this.#pick(this.#folders)));
    const free = this.#sessions.filter(({ busy }) => !busy);
    if (free.length === 0) return;
    const session = this.#pick(free);
    session.busy = true;
    this.#begin(
      this.#act(session).finally(() => {
        session.busy = false;
      }),
    );
  }

  async turn(number: number): Promise<void> {
    if (this.#random.fraction() < 0.2) await this.#deliver(this.#pick(this.#folders));
    await this.#act(this.#sessions[number % this.#sessions.length]!);
    for (const session of this.#sessions) await this.#settled(session);
  }

  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    for (const session of this.#sessions) await this.#settled(session);
    for (const { conversation } of this.#sessions) {
      assert.deepEqual(await conversation.idle(), [], 'told twice');
      conversation.close();
    }
  }

  result(seed: number): ImapResult {
    return {
      ...{ seed, commands: this.#commands },
      ...{ refused: this.#refused, expunged: this.#expunged },
    };
  }

  #begin(work: Promise<void>): void {
    this.#running.add(work);
    void work.then(
      () => this.#running.delete(work),
      () => {},
    );
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.fraction() * from.length)]!;
  }

  async #deliver(folder: number): Promise<void> {
    const bytes = Buffer.from(
      `Subject: ${Math.floor(this.#random.fraction() * 1e6)}\r\n\r\nText\r\n`,
    );
    const given = this.#random.fraction() < 0.3 ? [this.#pick(flags)] : [];
    const message = { content: { kind: 'inline' as const, bytes }, flags: given, received: 0 };
    await this.#store.append(folder, [message]);
  }

  async #select(session: Session): Promise<void> {
    const index = this.#random.fraction() < 0.8 ? 0 : 1;
    session.client = new ImapClient();
    session.folder = this.#folders[index]!;
    const mailbox = index === 0 ? 'INBOX' : 'Other';
    await this.#run(session, { name: 'SELECT', mailbox, condstore: false, qresync: undefined });
    await this.#learn(session);
  }

  /** As clients do: UIDs and flags of everything, since EXISTS tells neither. */
  async #learn(session: Session): Promise<void> {
    const all: SequenceSet = { kind: 'ranges', ranges: [{ from: 1, to: 0 }] };
    const items: FetchItem[] = [{ kind: 'UID' }, { kind: 'FLAGS' }];
    const { conversation, client } = session;
    if (conversation.enabled.has('UIDONLY')) return this.#learnByUid(session);
    if (client.messages.length === 0) return;
    await this.#run(session, fetchOf({ uid: false, set: all, items }));
  }

  /** RFC 9586: there are no numbers, so the client takes over what there is. */
  async #learnByUid(session: Session): Promise<void> {
    const { uids } = session.conversation.context.selected!;
    for (const [index, message] of session.client.messages.entries()) message.uid ??= uids[index];
    const set: SequenceSet = { kind: 'ranges', ranges: [{ from: 1, to: 0 }] };
    await this.#run(session, fetchOf({ uid: true, set, items: [{ kind: 'FLAGS' }] }));
  }

  async #act(session: Session): Promise<void> {
    const chance = this.#random.fraction();
    if (chance < 0.05) return this.#select(session);
    if (chance < 0.15) return this.#run(session, { name: 'NOOP' });
    if (chance < 0.3) {
      session.client.read(await session.conversation.idle(), { unasked: true });
      return this.#name(session);
    }
    await this.#run(session, this.#command(session));
    await this.#name(session);
  }

  /** New messages get their UIDs asked for, as VANISHED would mean nothing otherwise. */
  async #name(session: Session): Promise<void> {
    if (session.client.uids.includes(undefined)) await this.#learn(session);
  }

  #command(session: Session): OwnersCommand {
    const uid = session.conversation.enabled.has('UIDONLY') || this.#random.fraction() < 0.5;
    const set = this.#set(session, uid);
    const chance = this.#random.fraction();
    if (chance < 0.4)
      return {
        ...{ name: 'STORE', uid, set, unchangedSince: undefined },
        change: this.#pick(['add', 'remove', 'replace']),
        silent: this.#random.fraction() < 0.5,
        flags: [this.#pick(flags), this.#pick(flags)],
      };
    if (chance < 0.55) return { name: 'EXPUNGE', uids: uid ? set : undefined };
    if (chance < 0.75) {
      const items: FetchItem[] = [{ kind: 'FLAGS' }, { kind: 'ENVELOPE' }];
      return fetchOf({ uid, set, items });
    }
    if (chance < 0.85) return { name: 'SEARCH', uid, key: { kind: 'all' }, returns: undefined };
    const name = chance < 0.93 ? 'COPY' : 'MOVE';
    return { name, uid, set, mailbox: this.#random.fraction() < 0.8 ? 'Other' : 'INBOX' };
  }

  #set({ client }: Session, uid: boolean): SequenceSet {
    const count = client.messages.length;
    const number = () => 1 + Math.floor(this.#random.fraction() * Math.max(count, 1));
    const value = () => (uid ? (client.messages[number() - 1]?.uid ?? 1) : number());
    const from = value();
    const to = this.#random.fraction() < 0.7 ? from : value();
    return { kind: 'ranges', ranges: [{ from, to }] };
  }

  async #run(session: Session, command: OwnersCommand): Promise<void> {
    const { conversation, client } = session;
    this.#commands += 1;
    const lines = await conversation.run(command);
    const completion = lines.pop()!;
    if (!completion.startsWith('OK')) this.#refused += 1;
    assert.doesNotMatch(completion, /SERVERBUG/);
    const expunges = lines.filter((line) => /^\d+ EXPUNGE$|^VANISHED \d/.test(line));
    this.#expunged += expunges.length;
    // RFC 9051 §7.5.1
    if ('uid' in command && !command.uid && /^(FETCH|STORE|SEARCH)$/.test(command.name))
      assert.deepEqual(expunges, [], `${command.name} expunged`);
    if (command.name === 'STORE' && command.silent) client.store(command);
    client.read(lines, { unasked: command.name === 'NOOP' });
    if (command.name === 'STORE') assertOnce(lines);
    this.#check(session);
    this.#checkRecent(session);
  }

  /** RFC 3501 §2.3.2: one session has it, once; on several nodes it may be more, in the same moment. */
  #checkRecent({ client, folder }: Session): void {
    if (this.#stores.length > 1) return;
    for (const { uid, recent } of client.messages) {
      if (!recent || uid === undefined) continue;
      const key = `${folder} ${uid}`;
      const first = this.#recent.get(key) ?? client;
      assert.ok(first === client, `UID ${key} is recent twice`);
      this.#recent.set(key, client);
    }
    const known = client.messages.filter(({ recent }) => recent).length;
    if (client.messages.every(({ flags: told }) => told !== undefined))
      assert.equal(known, client.recent, 'RECENT');
    else assert.ok(known <= client.recent, 'RECENT');
  }

  /** The client knows what the server thinks it knows. */
  #check({ conversation, client }: Session): void {
    const selected = conversation.context.selected!;
    assert.equal(client.messages.length, selected.messages);
    const { rows } = selected;
    const isCurrent = selected.isCurrent(true);
    for (const [index, { uid, flags: told }] of client.messages.entries()) {
      if (uid === undefined) continue;
      assert.equal(uid, selected.uidAt(index + 1));
      const row = isCurrent ? rows.rowOf(uid) : -1;
      if (row < 0 || told === undefined) continue;
      assert.equal(told, sorted(rows.flagsText(row)), `flags of UID ${uid}`);
    }
  }

  /** What another node did is heard a moment later. */
  async #settled(session: Session): Promise<void> {
    const end = performance.now() + (this.#stores.length === 1 ? 0 : heardMsMax);
    for (;;) {
      await this.#run(session, { name: 'NOOP' });
      try {
        return await this.#compare(session);
      } catch (error) {
        if (performance.now() >= end) throw error;
        await setTimeout(10);
      }
    }
  }

  async #compare(session: Session): Promise<void> {
    await this.#name(session);
    const { rows } = new OpenFolder(this.#store, (await this.#store.snapshot(session.folder))!);
    const contents = Array.from(rows.uids, (uid, row) => [uid, sorted(rows.flagsText(row))]);
    const known = session.client.messages.map(({ uid, flags: told }) => [uid, told]);
    assert.deepEqual(known, contents);
  }
}

/** Limit: what takes longer is not heard, even on a machine that others keep busy. */
const heardMsMax = 60_000;

const sorted = (flagsText: string): string =>
  flagsText.slice(1, -1).split(' ').filter(Boolean).sort().join(' ');

/** RFC 7162 §3.1.3: one change is told once. */
function assertOnce(lines: readonly string[]): void {
  const told = lines
    .map((line) => [/UID (\d+)/.exec(line)?.[1], /MODSEQ \((\d+)\)/.exec(line)?.[1]])
    .filter(([uid, modseq]) => uid !== undefined && modseq !== undefined)
    .map((pair) => pair.join(' '));
  assert.equal(new Set(told).size, told.length, `told twice: ${lines.join(', ')}`);
}

const fetchOf = (
  parts: Pick<Extract<OwnersCommand, { name: 'FETCH' }>, 'uid' | 'set' | 'items'>,
): OwnersCommand => ({
  ...{ name: 'FETCH', changedSince: undefined, vanished: false, window: undefined },
  ...parts,
});
