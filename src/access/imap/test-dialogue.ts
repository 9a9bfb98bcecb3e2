// Tests of the IMAP service written as dialogues, over the embedded store in memory:
//
//   A> a line of client A    A< a line of the server to A    A! a command whose answer is OK, whatever
//   else it says (so B, C, …; who speaks first is logged in)
//
// `…` in a line of the server stands for anything, {v} for the UIDVALIDITY of INBOX, <x80> for 80
// times an x. Every line has to be there, in this order; news between commands is waited for.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { defaultImapLimits } from '../../imap/limits.ts';
import { createImapSession } from '../../imap/session/session.ts';
import { OpenFolders } from '../../mailbox/open-folders.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import type { PeerService } from '../../net/service.ts';
import { createLoginThrottle } from '../../policy/accounts/login-throttle.ts';
import { createConnectionLimits } from '../../policy/connection-limits.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { DigestTexts } from './fetch/digest-texts.ts';
import type { ImapServiceParts } from './imap-service.ts';
import { createImapService } from './imap-service.ts';
import { noUrls } from './test-conversation.ts';

export const ann = 'ann@example.org';
export const bob = 'bob@example.org';

export interface TestMail {
  readonly text: string;
  readonly flags?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly received?: number;
}

export interface DialogueOptions {
  readonly mails?: readonly TestMail[];
  readonly appendBytes?: number;
  readonly quotaBytes?: number;
  /** Nobody has been told of `mails` yet. RFC 3501 §2.3.2. */
  readonly recent?: boolean;
  /** Before the dialogue. */
  readonly prepare?: (store: FolderStore, spool: Spool) => Promise<void>;
  /** When accounts were made. */
  readonly createdOf?: (account: string) => Promise<number | undefined>;
  /** Who is who; A and all others are ann. */
  readonly accounts?: Readonly<Record<string, string>>;
}

const short: readonly TestMail[] = Array.from({ length: 4 }, (_, i) => ({
  text: `Subject: mail ${i + 1}\r\n\r\nText\r\n`,
}));

/** A test; the first line is its title. */
export function dialogue(text: string, options: DialogueOptions = {}): void {
  const [title = '', ...lines] = text.trim().split(/\n */);
  it(title, async () => {
    await using world = await openWorld(options);
    for (const [index, line] of lines.entries()) {
      const speaker = line[0]!;
      if (line[1] === '!') await world.succeed(speaker, line.slice(3));
      else if (line[1] === '>') await world.say(speaker, line.slice(3));
      else await world.expect(speaker, line.slice(3), `line ${index + 2}: ${line}`);
    }
    await world.finish();
  });
}

async function openWorld(options: DialogueOptions) {
  const test = await openInMemory();
  const { folders, spool } = test.stores;
  for (const account of [ann, bob]) await folders.ensure(account);
  const inbox = (await folders.find(ann, 'INBOX'))!;
  const mails = options.mails ?? short;
  await fill(folders, inbox.id, mails, options);
  await options.prepare?.(folders, spool);
  const service = serviceOf(test.stores.folders, spool, test.clock, options);
  return new DialogueWorld(service, inbox.uidValidity, options, () => test[Symbol.asyncDispose]());
}

export const fill = async (
  store: FolderStore,
  folder: number,
  mails: readonly TestMail[],
  { recent = false }: Pick<DialogueOptions, 'recent'> = {},
): Promise<void> => {
  for (const { text, flags = [], received = Date.UTC(2026, 0, 2, 3, 4, 5) } of mails) {
    const content = { kind: 'inline' as const, bytes: Buffer.from(text, 'latin1') };
    const { uids } = await store.append(folder, [{ content, flags, received }]);
    if (!recent) await store.leaveRecent(folder, uids[0]! + 1);
  }
};

function serviceOf(
  store: FolderStore,
  spool: ImapServiceParts['spool'],
  clock: FakeClock,
  options: DialogueOptions,
): PeerService {
  const { appendBytes, quotaBytes } = options;
  return createImapService({
    settings: () => ({
      ...{ hostname: 'imap.example.org', startTls: false, insecureAuth: true },
      limits: { ...defaultImapLimits, ...(appendBytes && { messageSize: appendBytes }) },
      quota: { bytes: quotaBytes, messages: undefined },
      admin: 'mailto:postmaster@example.org',
    }),
    createSession: createImapSession,
    ...{
      store,
      openFolders: new OpenFolders(store),
      texts: new DigestTexts(),
      spool,
      clock,
      urls: noUrls,
    },
    accountOf: async (address) => address,
    createdOf: options.createdOf ?? (async () => undefined),
    authenticator: {
      verifyPassword: async (user) => user,
      scramKeys: () => Promise.reject(new Error('nobody asks')),
      mayActAs: async () => false,
    },
    throttle: createLoginThrottle({ clock, failuresPerNetwork: 9, delay: 0, delayMax: 0 }),
    connections: createConnectionLimits({ connections: 99, connectionsPerClient: 99 }),
    startTls: async (peer) => peer,
    ...{ random: seededRandom(1), log: silentLog },
  });
}

interface Party {
  readonly peer: MemoryPeer;
  heard: string;
}

class DialogueWorld {
  readonly #service: PeerService;
  readonly #uidValidity: number;
  readonly #options: DialogueOptions;
  readonly #dispose: () => PromiseLike<void>;
  readonly #parties = new Map<string, Party>();

  constructor(
    service: PeerService,
    uidValidity: number,
    options: DialogueOptions,
    dispose: () => PromiseLike<void>,
  ) {
    this.#service = service;
    this.#uidValidity = uidValidity;
    this.#options = options;
    this.#dispose = dispose;
  }

  async say(speaker: string, line: string): Promise<void> {
    const party = await this.#party(speaker);
    party.heard += await party.peer.hear();
    assert.equal(party.heard, '', `${speaker} heard that before: ${line}`);
    party.heard = await party.peer.say(Buffer.from(`${this.#filled(line)}\r\n`, 'latin1'));
  }

  async succeed(speaker: string, command: string): Promise<void> {
    await this.say(speaker, `tag ${command}`);
    const party = await this.#party(speaker);
    assert.match(party.heard, /^tag OK /m, command);
    party.heard = '';
  }

  async expect(speaker: string, line: string, place: string): Promise<void> {
    const party = await this.#party(speaker);
    for (let turn = 0; turn < 500 && !party.heard.includes('\r\n'); turn += 1) {
      await setImmediate();
      party.heard += await party.peer.hear();
    }
    const end = party.heard.indexOf('\r\n');
    assert.notEqual(end, -1, `nothing was said: ${place}`);
    const said = party.heard.slice(0, end);
    party.heard = party.heard.slice(end + 2);
    const wanted = this.#filled(line);
    if (!wanted.includes('…')) assert.equal(said, wanted, place);
    else assert.match(said, patternOf(wanted), place);
  }

  async finish(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
    for (const [speaker, party] of this.#parties) {
      party.heard += await party.peer.hear();
      assert.equal(party.heard, '', `${speaker} heard more than the dialogue has`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service.destroy();
    await this.#service.shutdown();
    await this.#dispose();
  }

  async #party(speaker: string): Promise<Party> {
    const known = this.#parties.get(speaker);
    if (known !== undefined) return known;
    const peer = new MemoryPeer();
    this.#service.accept(peer);
    await peer.hear();
    const account = this.#options.accounts?.[speaker] ?? ann;
    assert.match(await peer.say(`login LOGIN ${account} secret\r\n`), /login OK/);
    const party = { peer, heard: '' };
    this.#parties.set(speaker, party);
    return party;
  }

  #filled(line: string): string {
    return line
      .replaceAll('{v}', String(this.#uidValidity))
      .replaceAll(/<x(\d+)>/g, (_, count: string) => 'x'.repeat(Number(count)));
  }
}

const patternOf = (wanted: string): RegExp =>
  new RegExp(
    `^${wanted
      .split('…')
      .map((part) => RegExp.escape(part))
      .join('.*')}$`,
    's',
  );
