// A phone, for tests: it sets itself up, keeps a mirror of folders and messages, and is strict with its server. What it is
// told to add it must not have, what it is told to change or delete it must have.

import assert from 'node:assert/strict';
import '../../src/policy/accounts/test-hashing.ts';
import type { Node } from './wire.ts';
import { at, childrenOf, read, text, write } from './wire.ts';

export interface PhoneFolder {
  readonly id: string;
  readonly parent: string;
  readonly name: string;
  readonly type: string;
}

export interface PhoneMail {
  readonly subject: string;
  readonly read: boolean;
  readonly flagged: boolean;
  readonly categories: readonly string[];
  readonly verb: string;
  readonly body: string;
  readonly data: Node;
}

export interface PhoneOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly version: string;
  readonly id?: string;
  /** [MS-ASHTTP] 2.2.1.1.1.1 */
  readonly base64?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly octets: Buffer;
  /** Undefined for an empty body. */
  readonly doc: Node | undefined;
}

const commandCodes = [
  ...['Sync', 'SendMail', 'SmartForward', 'SmartReply', 'GetAttachment', '', '', '', ''],
  ...['FolderSync', 'FolderCreate', 'FolderDelete', 'FolderUpdate', 'MoveItems'],
  ...['GetItemEstimate', 'MeetingResponse', 'Search', 'Settings', 'Ping', 'ItemOperations'],
  ...['Provision', 'ResolveRecipients', 'ValidateCert', 'Find'],
];

export class Phone {
  readonly options: PhoneOptions;
  password: string;
  /** Where it asks: another one when it is told so. */
  url: string;
  policyKey = '0';
  folderKey = '0';
  readonly folders = new Map<string, PhoneFolder>();
  /** By folder. */
  readonly keys = new Map<string, string>();
  readonly mails = new Map<string, Map<string, PhoneMail>>();
  /** For Options of Sync. */
  syncOptions: readonly Node[] = [['AirSyncBase:BodyPreference', ['AirSyncBase:Type', '1']]];

  constructor(options: PhoneOptions) {
    this.options = options;
    this.password = options.password;
    this.url = `${options.url}/Microsoft-Server-ActiveSync`;
  }

  async ask(
    command: string,
    body?: Node | Uint8Array,
    more: {
      readonly query?: string;
      readonly headers?: Record<string, string>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Reply> {
    const { url } = this;
    const { user } = this.options;
    const isMessage = body instanceof Uint8Array;
    const answer = await fetch(`${url}?${this.#query(command)}${more.query ?? ''}`, {
      method: 'POST',
      ...(more.signal !== undefined && { signal: more.signal }),
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${this.password}`).toString('base64')}`,
        'content-type': isMessage ? 'message/rfc822' : 'application/vnd.ms-sync.wbxml',
        'ms-asprotocolversion': this.options.version,
        'x-ms-policykey': this.policyKey,
        'user-agent': 'Test/1.0',
        ...more.headers,
      },
      body: body === undefined ? '' : new Uint8Array(isMessage ? body : write(body as Node)),
    });
    const octets = Buffer.from(await answer.arrayBuffer());
    const location = answer.headers.get('x-ms-location');
    if (answer.status === 451 && location !== null && location !== url) {
      this.url = location;
      return this.ask(command, body, more);
    }
    const isDocument = answer.headers.get('content-type') === 'application/vnd.ms-sync.wbxml';
    const doc = isDocument && octets.length > 0 ? read(octets) : undefined;
    return { status: answer.status, headers: answer.headers, octets, doc };
  }

  #query(command: string): string {
    const { user, version, id = 'phone1', base64 = false } = this.options;
    if (!base64)
      return `Cmd=${command}&User=${encodeURIComponent(user)}&DeviceId=${id}&DeviceType=TestPhone`;
    const [major, minor] = version.split('.').map(Number);
    const key = Buffer.alloc(4);
    key.writeUInt32LE(Number(this.policyKey));
    const sized = (octets: Buffer) => [octets.length, ...octets];
    return Buffer.from([
      ...[major! * 10 + minor!, commandCodes.indexOf(command), 0x09, 0x04],
      ...sized(Buffer.from(id)),
      ...(this.policyKey === '0' ? [0] : sized(key)),
      ...sized(Buffer.from('TestPhone')),
    ]).toString('base64');
  }

  /** A document is the answer. */
  async done(command: string, body?: Node, query?: string): Promise<Node> {
    const reply = await this.ask(command, body, query === undefined ? {} : { query });
    assert.equal(reply.status, 200, `${command}: ${reply.octets}`);
    assert.ok(reply.doc, `${command}: there is a document`);
    return reply.doc;
  }

  /** [MS-ASCMD] 2.2.1.1: by its address it finds where to ask. A proxy in front has TLS. */
  async discover(): Promise<void> {
    const { url, user } = this.options;
    const schema = 'http://schemas.microsoft.com/exchange/autodiscover/mobilesync';
    const answer = await fetch(`${url}/autodiscover/autodiscover.xml`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${this.password}`).toString('base64')}`,
        'content-type': 'text/xml',
      },
      body: `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="${schema}/requestschema/2006"><Request><EMailAddress>${user}</EMailAddress><AcceptableResponseSchema>${schema}/responseschema/2006</AcceptableResponseSchema></Request></Autodiscover>`,
    });
    const found = /<Type>MobileSync<\/Type>\s*<Url>https:([^<]*)</.exec(await answer.text())?.[1];
    assert.ok(found, 'there is a place to ask');
    this.url = `http:${found}`;
  }

  async provision(): Promise<void> {
    const policy = (...more: readonly Node[]): Node => [
      'Provision:Provision',
      [
        'Provision:Policies',
        ['Provision:Policy', ['Provision:PolicyType', 'MS-EAS-Provisioning-WBXML'], ...more],
      ],
    ];
    const path = ['Provision:Policies', 'Provision:Policy'];
    const offer = await this.done('Provision', policy());
    assert.equal(text(offer, 'Provision:Status'), '1');
    const offered = text(offer, ...path, 'Provision:PolicyKey')!;
    assert.ok(at(offer, ...path, 'Provision:Data', 'Provision:EASProvisionDoc'));
    const agreed = await this.done(
      'Provision',
      policy(['Provision:PolicyKey', offered], ['Provision:Status', '1']),
    );
    assert.equal(text(agreed, ...path, 'Provision:Status'), '1');
    this.policyKey = text(agreed, ...path, 'Provision:PolicyKey')!;
    assert.notEqual(this.policyKey, offered);
  }

  async folderSync(): Promise<void> {
    const answer = await this.done('FolderSync', [
      'FolderHierarchy:FolderSync',
      ['FolderHierarchy:SyncKey', this.folderKey],
    ]);
    assert.equal(text(answer, 'FolderHierarchy:Status'), '1');
    if (this.folderKey === '0') this.folders.clear();
    this.folderKey = text(answer, 'FolderHierarchy:SyncKey')!;
    const changes = at(answer, 'FolderHierarchy:Changes');
    const told = childrenOf(changes).filter(([name]) => name !== 'FolderHierarchy:Count');
    assert.equal(text(changes, 'FolderHierarchy:Count'), String(told.length));
    for (const each of told) {
      const id = text(each, 'FolderHierarchy:ServerId')!;
      assert.ok(id.length <= 64);
      if (each[0] === 'FolderHierarchy:Delete') {
        assert.ok(this.folders.delete(id), `folder ${id} was there`);
        this.forget(id);
        continue;
      }
      assert.equal(this.folders.has(id), each[0] === 'FolderHierarchy:Update', `folder ${id}`);
      const parent = text(each, 'FolderHierarchy:ParentId')!;
      assert.ok(parent === '0' || this.folders.has(parent), `${id} has its parent ${parent}`);
      this.folders.set(id, {
        ...{ id, parent },
        name: text(each, 'FolderHierarchy:DisplayName')!,
        type: text(each, 'FolderHierarchy:Type')!,
      });
    }
  }

  folder(type: string): string {
    return [...this.folders.values()].find((each) => each.type === type)!.id;
  }

  named(name: string): string {
    return [...this.folders.values()].find((each) => each.name === name)!.id;
  }

  in(folder: string): Map<string, PhoneMail> {
    const known = this.mails.get(folder) ?? new Map<string, PhoneMail>();
    this.mails.set(folder, known);
    return known;
  }

  forget(folder: string): void {
    this.keys.delete(folder);
    this.mails.delete(folder);
  }

  /** What is asked of one folder. */
  collection(folder: string, more: readonly Node[] = []): Node {
    const key = this.keys.get(folder) ?? '0';
    return [
      'AirSync:Collection',
      ['AirSync:SyncKey', key],
      ['AirSync:CollectionId', folder],
      ...more,
    ];
  }

  request(folder: string, more: readonly Node[] = [], beside: readonly Node[] = []): Node {
    const options: Node[] = this.keys.has(folder) ? [['AirSync:Options', ...this.syncOptions]] : [];
    const commands = more.filter(([name]) => name === 'AirSync:Commands');
    const rest = more.filter(([name]) => name !== 'AirSync:Commands');
    const parts = [...rest, ...options, ...commands];
    return ['AirSync:Sync', ['AirSync:Collections', this.collection(folder, parts)], ...beside];
  }

  /** One request; undefined when there is nothing new. */
  async syncOnce(folder: string, more: readonly Node[] = []): Promise<Node | undefined> {
    if (!this.keys.has(folder)) {
      const first = await this.ask('Sync', this.request(folder));
      this.take(first.doc!);
    }
    const reply = await this.ask('Sync', this.request(folder, more));
    assert.equal(reply.status, 200, String(reply.octets));
    if (reply.doc === undefined) return undefined;
    this.take(reply.doc);
    return reply.doc;
  }

  /** Until there is nothing more; how many answers it took. */
  async sync(folder: string, window = 100): Promise<number> {
    for (let answers = 1; ; answers += 1) {
      const doc = await this.syncOnce(folder, [['AirSync:WindowSize', String(window)]]);
      if (doc === undefined || !collectionIn(doc, folder, 'AirSync:MoreAvailable')) return answers;
    }
  }

  /** Into the mirror. */
  take(doc: Node): void {
    assert.equal(text(doc, 'AirSync:Status') ?? '1', '1');
    for (const collection of childrenOf(at(doc, 'AirSync:Collections'))) {
      const folder = text(collection, 'AirSync:CollectionId')!;
      assert.equal(text(collection, 'AirSync:Status'), '1', `status of ${folder}`);
      this.keys.set(folder, text(collection, 'AirSync:SyncKey')!);
      for (const command of childrenOf(at(collection, 'AirSync:Commands')))
        this.#obey(this.in(folder), command);
    }
  }

  #obey(mails: Map<string, PhoneMail>, [name, ...content]: Node): void {
    const command: Node = [name, ...content];
    const id = text(command, 'AirSync:ServerId')!;
    assert.ok(id.length <= 64);
    const data = at(command, 'AirSync:ApplicationData');
    const known = mails.get(id);
    if (name === 'AirSync:Add') {
      assert.equal(known, undefined, `${id} is new`);
      mails.set(id, mailOf(data!));
    } else if (name === 'AirSync:Change') {
      assert.ok(known, `${id} is there to be changed`);
      const { subject, body, data: whole } = known;
      mails.set(id, { ...mailOf(data!), subject, body, data: whole });
    } else assert.ok(mails.delete(id), `${id} is there to be deleted`);
  }

  /** The ids of messages with that subject. */
  withSubject(folder: string, subject: string): string[] {
    return [...this.in(folder)].flatMap(([id, mail]) => (mail.subject === subject ? [id] : []));
  }

  async setUp(): Promise<void> {
    await this.provision();
    await this.folderSync();
  }
}

function mailOf(data: Node): PhoneMail {
  return {
    subject: text(data, 'Email:Subject') ?? '',
    read: text(data, 'Email:Read') === '1',
    flagged: text(data, 'Email:Flag', 'Email:Status') === '2',
    categories: childrenOf(at(data, 'Email:Categories')).map((each) => text(each)!),
    verb: text(data, 'Email2:LastVerbExecuted') ?? '',
    body: text(data, 'AirSyncBase:Body', 'AirSyncBase:Data') ?? '',
    data,
  };
}

export function collectionIn(
  doc: Node | undefined,
  folder: string,
  name?: string,
): Node | undefined {
  const found = childrenOf(at(doc, 'AirSync:Collections')).find(
    (each) => text(each, 'AirSync:CollectionId') === folder,
  );
  return name === undefined ? found : at(found, name);
}
