// Random operations by ActiveSync, IMAP and SMTP, some at once, some asked twice since the answer was lost: after each the
// mirror of a phone is the mailbox.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { TestServer } from '../../src/testing/index.ts';
import type { ImapClient } from '../scenarios/imap-wire.ts';
import { Phone } from './phone.ts';
import type { Node } from './wire.ts';
import { ann, imap, password, start, urlOf } from './world.ts';

const folders = ['INBOX', 'Trash', 'Archive'] as const;
type Folder = (typeof folders)[number];

/** What both sides can say of a message. */
const shownMail = (subject: string, seen: boolean, flagged: boolean): string =>
  `${subject}${seen ? ' seen' : ''}${flagged ? ' flagged' : ''}`;

async function mailbox(client: ImapClient, folder: Folder): Promise<string[]> {
  await client.ask(`EXAMINE ${folder}`);
  const lines = await client.ask('FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
  const text = lines.join('\r\n');
  return [...text.matchAll(/FETCH \((?:UID \d+ )?FLAGS \(([^)]*)\)[\s\S]*?Subject: (\S+)/g)]
    .filter(([, flags]) => !/\\Deleted/i.test(flags!))
    .map(([, flags, subject]) =>
      shownMail(subject!, /\\Seen/i.test(flags!), /\\Flagged/i.test(flags!)),
    )
    .sort();
}

const mirror = (phone: Phone, id: string): string[] =>
  [...phone.in(id).values()]
    .map(({ subject, read, flagged }) => shownMail(subject, read, flagged))
    .sort();

class World {
  readonly phone: Phone;
  readonly client: ImapClient;
  readonly #server: TestServer;
  readonly #pick: <T>(from: readonly T[]) => T | undefined;
  #arrived = 0;

  constructor(server: TestServer, phone: Phone, client: ImapClient, seed: number) {
    const random = seededRandom(seed);
    this.#server = server;
    this.phone = phone;
    this.client = client;
    this.#pick = (from) => from[Math.floor(random.fraction() * from.length)];
  }

  async arrive(): Promise<string> {
    this.#arrived += 1;
    const subject = `m${this.#arrived}`;
    const message = `From: eve@far.test\r\nSubject: ${subject}\r\n\r\nText of ${subject}.\r\n`;
    await this.#server.send({ from: 'eve@far.test', to: ann, message });
    await this.#server.waitFor((each) => each.subject === subject);
    return `smtp ${subject}`;
  }

  async byImap(): Promise<string> {
    const folder = this.#pick(folders)!;
    await this.client.ask(`SELECT ${folder}`);
    const uids = (
      /\* SEARCH([\d ]*)/.exec((await this.client.ask('UID SEARCH ALL')).join('\n'))?.[1] ?? ''
    )
      .trim()
      .split(' ')
      .filter((each) => each !== '');
    const uid = this.#pick(uids);
    if (uid === undefined) return 'imap nothing';
    const to = this.#pick(folders)!;
    const command = this.#pick([
      `UID STORE ${uid} +FLAGS (\\Seen)`,
      `UID STORE ${uid} -FLAGS (\\Seen)`,
      `UID STORE ${uid} +FLAGS (\\Flagged)`,
      `UID STORE ${uid} FLAGS (Word)`,
      `UID STORE ${uid} +FLAGS (\\Deleted)`,
      `UID STORE ${uid} -FLAGS (\\Deleted)`,
      'EXPUNGE',
      `UID MOVE ${uid} ${to}`,
      `UID COPY ${uid} ${to}`,
    ])!;
    await this.client.ask(command);
    return `imap ${folder} ${command}`;
  }

  async byPhone(): Promise<string> {
    const { phone } = this;
    const folder = this.idOf(this.#pick(folders)!);
    const ids = [...phone.in(folder).keys()];
    const id = this.#pick(ids);
    if (id === undefined) return 'phone nothing';
    const what = this.#pick(['read', 'unread', 'flag', 'delete', 'move'])!;
    if (what === 'move') {
      const to = this.idOf(this.#pick(folders)!);
      await phone.done('MoveItems', [
        'Move:MoveItems',
        ['Move:Move', ['Move:SrcMsgId', id], ['Move:SrcFldId', folder], ['Move:DstFldId', to]],
      ]);
      return `phone ${folder} move ${id} to ${to}`;
    }
    const data: Node =
      what === 'flag'
        ? ['Email:Flag', ['Email:Status', '2']]
        : ['Email:Read', what === 'read' ? '1' : '0'];
    const command: Node =
      what === 'delete'
        ? ['AirSync:Delete', ['AirSync:ServerId', id]]
        : ['AirSync:Change', ['AirSync:ServerId', id], ['AirSync:ApplicationData', data]];
    const asked = phone.request(folder, [
      ['AirSync:WindowSize', '3'],
      ['AirSync:Commands', command],
    ]);
    // The first answer is lost, at times, or both come at once.
    const times = this.#pick(['once', 'twice', 'both'] as const);
    if (times === 'twice') await phone.ask('Sync', asked);
    const beside = times === 'both' ? phone.ask('Sync', asked) : undefined;
    const reply = await phone.ask('Sync', asked);
    const other = await beside;
    const mail = phone.in(folder).get(id);
    if (what === 'delete') phone.in(folder).delete(id);
    else if (mail !== undefined)
      phone.in(folder).set(id, {
        ...mail,
        ...(what === 'flag' ? { flagged: true } : { read: what === 'read' }),
      });
    // Of two it keeps what has the later key.
    const number = (key: string | undefined) => Number(key?.split('-')[1] ?? 0);
    const keys = [reply, other].map((each) =>
      each?.doc === undefined
        ? 0
        : number(JSON.stringify(each.doc).match(/"AirSync:SyncKey","([^"]*)"/)?.[1]),
    );
    phone.take((keys[1]! > keys[0]! ? other! : reply).doc!);
    return `phone ${folder} ${what} ${id} ${times}`;
  }

  idOf(folder: Folder): string {
    return this.phone.named(folder);
  }

  async agree(history: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const id = this.idOf(folder);
      await this.phone.sync(id, 2);
      assert.deepEqual(
        mirror(this.phone, id),
        await mailbox(this.client, folder),
        `${folder} after ${history.slice(-6).join('; ')}`,
      );
    }
  }
}

describe('a phone among others', () => {
  for (const [seed, version] of [
    [1, '12.1'],
    [2, '14.1'],
    [3, '16.1'],
    [4, '14.0'],
    [5, '16.0'],
  ] as const)
    it(`its mirror is the mailbox, version ${version}, seed ${seed}`, async () => {
      await using server = await start();
      const client = await imap(server);
      const phone = new Phone({ url: urlOf(server), user: ann, password, version });
      await phone.setUp();
      const world = new World(server, phone, client, seed);
      const random = seededRandom(seed * 1_000);
      const history: string[] = [];
      for (let step = 0; step < 40; step += 1) {
        const chance = random.fraction();
        if (chance < 0.25) history.push(await world.arrive());
        else if (chance < 0.55) history.push(await world.byImap());
        else if (chance < 0.8) history.push(await world.byPhone());
        else
          history.push(...(await Promise.all([world.byPhone(), world.byImap(), world.arrive()])));
        if (step % 3 === 0) await world.agree(history);
      }
      await world.agree(history);
      client.close();
    });
});
