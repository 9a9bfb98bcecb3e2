// What commands of a phone do beside the usual: folders that are emptied, mail that is sent on, matches by pages, files in
// pieces, signed mail, conversations, requests that say less than all.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { collectionIn } from './phone.ts';
import type { Node } from './wire.ts';
import { at, childrenOf, read, text, write } from './wire.ts';
import {
  arrive,
  bob,
  during,
  headersOf,
  imap,
  inboxType,
  phoneOf,
  reply,
  send,
  sentType,
  start,
  trashType,
  urlOf,
  versions,
} from './world.ts';

async function world(version = '16.1') {
  const server = await start();
  const phone = phoneOf(server, version);
  await phone.setUp();
  const inbox = phone.folder(inboxType);
  return { server, phone, inbox, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const operation = (...content: readonly Node[]): Node => [
  'ItemOperations:ItemOperations',
  ...content,
];
const fileOf = (reference: string, ...options: readonly Node[]): Node => [
  'ItemOperations:Fetch',
  ['ItemOperations:Store', 'Mailbox'],
  ['AirSyncBase:FileReference', reference],
  ['ItemOperations:Options', ...options],
];

const withFile =
  'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: text/csv; name=sums.csv\r\nContent-Disposition: attachment; filename=sums.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nMDEyMzQ1Njc4OQ==\r\n--b--\r\n';
const signed =
  'MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\nSigned words.\r\n--s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3\r\n--s--\r\n';

describe('a phone', () => {
  it('[MS-ASCMD] 2.2.3.58: empties a folder, with those below only where it says so', async () => {
    await using it = await world();
    const { server, phone } = it;
    const trash = phone.folder(trashType);
    const client = await imap(server);
    await client.ask('CREATE Trash/Old');
    const octets = 'Subject: waste\r\n\r\nx\r\n';
    for (const folder of ['Trash', 'Trash', 'Trash/Old'])
      await client.ask(`APPEND ${folder} {${octets.length}+}\r\n${octets}`);
    await phone.folderSync();
    const old = phone.named('Old');
    await phone.sync(trash);
    await phone.sync(old);
    assert.deepEqual([phone.in(trash).size, phone.in(old).size], [2, 1]);
    const empty = async (folder: string, ...options: readonly Node[]) =>
      text(
        await phone.done(
          'ItemOperations',
          operation([
            'ItemOperations:EmptyFolderContents',
            ['AirSync:CollectionId', folder],
            ['ItemOperations:Options', ...options],
          ]),
        ),
        ...[
          'ItemOperations:Response',
          'ItemOperations:EmptyFolderContents',
          'ItemOperations:Status',
        ],
      );
    assert.equal(await empty(trash), '1');
    await phone.sync(trash);
    await phone.sync(old);
    assert.deepEqual([phone.in(trash).size, phone.in(old).size], [0, 1]);
    assert.equal(await empty(trash, ['ItemOperations:DeleteSubFolders']), '1');
    await phone.folderSync();
    assert.equal(phone.folders.has(old), false);
    assert.doesNotMatch((await client.ask('LIST "" *')).join('\n'), /Old/);
    assert.equal(await empty('99999'), '6');
    const bobs = phoneOf(server, '16.1', bob);
    await bobs.setUp();
    assert.equal(await empty(bobs.folder(inboxType)), '6', 'a folder of somebody else');
    client.close();
  });

  for (const version of versions)
    it(`of version ${version} sends a message on, with its files, and it is marked for everybody`, async () => {
      await using it = await world(version);
      const { server, phone, inbox } = it;
      await arrive(server, 'sums', withFile);
      await phone.sync(inbox);
      const [id] = phone.withSubject(inbox, 'sums');
      await send(phone, 'SmartForward', reply('Fwd: sums', bob), id);
      const got = await server.waitFor(({ subject }) => subject === 'Fwd: sums');
      assert.equal(got.mailbox, bob);
      assert.match(got.text, /^My words\.\r\n\r\n[\s\S]*Subject: sums\r\n\r\nSee the file\./);
      const [file] = got.parse().attachments;
      assert.deepEqual([file!.filename, String(file!.content())], ['sums.csv', '0123456789']);
      const client = await imap(server);
      await client.ask('SELECT INBOX');
      assert.match((await client.ask('FETCH 1 FLAGS')).join(), /\$Forwarded/);
      client.close();
      await phone.sync(inbox);
      if (version !== '12.1') assert.equal(phone.in(inbox).get(id!)!.verb, '3');
      await phone.sync(phone.folder(sentType));
      assert.equal(phone.in(phone.folder(sentType)).size, 1);
    });

  it('[MS-ASCMD] 2.2.1.20: what it has written whole is sent as it is; what it answers may be named as Search does', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    await arrive(server, 'question');
    await phone.sync(inbox);
    const [id] = phone.withSubject(inbox, 'question');
    const answer = await phone.ask('SmartReply', [
      'ComposeMail:SmartReply',
      ['ComposeMail:ClientId', 'whole'],
      ['ComposeMail:ReplaceMime'],
      ['ComposeMail:Source', ['ComposeMail:LongId', id!]],
      ['ComposeMail:MIME', reply('Re: question', bob)],
    ]);
    assert.deepEqual([answer.status, answer.octets.length], [200, 0]);
    const got = await server.waitFor(({ subject }) => subject === 'Re: question');
    assert.equal(got.header('in-reply-to'), '<question@far.test>');
    assert.equal(got.text.trim(), 'My words.');
    await phone.sync(phone.folder(sentType));
    assert.equal(phone.in(phone.folder(sentType)).size, 0, 'a copy only where it is asked for');
  });

  it('[MS-ASCMD] 2.2.1.2, 2.2.1.16: finds people and mail by pages, of a folder, of a time', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    for (const subject of ['pear1', 'pear2', 'pear3']) await arrive(server, subject);
    const client = await imap(server);
    const octets = 'Subject: pear old\r\n\r\npear\r\n';
    await client.ask(
      `APPEND Archive "20-Dec-2025 00:00:00 +0000" {${octets.length}+}\r\n${octets}`,
    );
    client.close();
    const archive = phone.named('Archive');
    const found = async (query: readonly Node[], range = '0-9') => {
      const store = at(
        await phone.done('Search', [
          'Search:Search',
          [
            'Search:Store',
            ['Search:Name', 'Mailbox'],
            ['Search:Query', ['Search:And', ['Search:FreeText', 'pear'], ...query]],
            ['Search:Options', ['Search:Range', range]],
          ],
        ]),
        ...['Search:Response', 'Search:Store'],
      );
      return {
        total: text(store, 'Search:Total'),
        range: text(store, 'Search:Range'),
        subjects: childrenOf(store, 'Search:Result').flatMap(
          (each) => text(each, 'Search:Properties', 'Email:Subject') ?? [],
        ),
      };
    };
    assert.deepEqual(await found([], '0-1'), {
      ...{ total: '4', range: '0-1', subjects: ['pear3', 'pear2'] },
    });
    assert.deepEqual((await found([], '2-3')).subjects, ['pear1', 'pear old']);
    assert.deepEqual(await found([], '7-3'), { total: '4', range: undefined, subjects: [] });
    assert.deepEqual((await found([['AirSync:CollectionId', archive]])).subjects, ['pear old']);
    const since = (tag: string): Node => [
      tag,
      ['Email:DateReceived'],
      ['Search:Value', '2025-12-31T00:00:00.000Z'],
    ];
    assert.deepEqual((await found([since('Search:LessThan')])).subjects, ['pear old']);
    assert.equal((await found([since('Search:GreaterThan')])).total, '3');

    const find = async (criterion: Node) =>
      at(
        await phone.done('Find', [
          'Find:Find',
          ['Find:SearchId', 'x'],
          ['Find:ExecuteSearch', criterion],
        ]),
        'Find:Response',
      );
    const mail = (folder: string, ...options: readonly Node[]): Node => [
      'Find:MailBoxSearchCriterion',
      ['Find:Query', ['Find:FreeText', 'pear'], ['AirSync:CollectionId', folder]],
      ['Find:Options', ['Find:Range', '0-9'], ...options],
    ];
    assert.equal(text(await find(mail(inbox)), 'Find:Total'), '3');
    assert.equal(text(await find(mail(inbox, ['Find:DeepTraversal'])), 'Find:Total'), '4');
    const people = await find([
      'Find:GalSearchCriterion',
      ['Find:Query', 'example.org'],
      ['Find:Options', ['Find:Range', '1-1']],
    ]);
    assert.equal(text(people, 'Find:Total'), '2');
    assert.deepEqual(
      childrenOf(people, 'Find:Result').map((each) =>
        text(each, 'Find:Properties', 'GAL:EmailAddress'),
      ),
      [bob],
    );
  });

  it('[MS-ASCMD] 2.2.3.143.2: gets a file whole or in pieces, by GetAttachment as well', async () => {
    await using it = await world('12.1');
    const { server, phone, inbox } = it;
    await arrive(server, 'sums', withFile);
    await phone.sync(inbox);
    const { data } = [...phone.in(inbox).values()][0]!;
    const attachment = at(data, 'AirSyncBase:Attachments', 'AirSyncBase:Attachment');
    assert.equal(text(attachment, 'AirSyncBase:DisplayName'), 'sums.csv');
    const reference = text(attachment, 'AirSyncBase:FileReference')!;
    const piece = async (range: string) => {
      const answer = await phone.done(
        'ItemOperations',
        operation(fileOf(reference, ['ItemOperations:Range', range])),
      );
      const fetched = at(answer, 'ItemOperations:Response', 'ItemOperations:Fetch');
      const properties = at(fetched, 'ItemOperations:Properties');
      return [
        text(fetched, 'ItemOperations:Status'),
        text(properties, 'ItemOperations:Range'),
        text(properties, 'ItemOperations:Total'),
        Buffer.from(text(properties, 'ItemOperations:Data') ?? '', 'base64').toString(),
      ];
    };
    assert.deepEqual(await piece('2-5'), ['1', '2-5', '10', '2345']);
    assert.deepEqual(await piece('8-99'), ['1', '8-9', '10', '89']);
    for (const wrong of ['5-2', '10-12', 'x']) assert.equal((await piece(wrong))[0], '8', wrong);
    const whole = await phone.ask('GetAttachment', undefined, {
      query: `&AttachmentName=${encodeURIComponent(reference)}`,
    });
    assert.deepEqual(
      [whole.headers.get('content-type'), String(whole.octets)],
      [...['text/csv', '0123456789']],
    );
    // HTML that somebody sent is no page of ours.
    assert.equal(whole.headers.get('content-disposition'), 'attachment');
    assert.match(whole.headers.get('content-security-policy') ?? '', /^sandbox/);
  });

  it('does nothing for pages of others, which a browser sends the password along for', async () => {
    await using it = await world();
    const { phone } = it;
    const own = new URL(phone.url).origin;
    const firstFolders: Node = ['FolderHierarchy:FolderSync', ['FolderHierarchy:SyncKey', '0']];
    const statusWith = async (headers: Record<string, string>) =>
      (await phone.ask('FolderSync', firstFolders, { headers })).status;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: own.replace('127.0.0.1', 'localhost') },
    ])
      assert.equal(await statusWith(headers), 403, JSON.stringify(headers));
    for (const headers of [{ origin: own }, { cookie: 'balancer=1' }])
      assert.equal(await statusWith(headers), 200, JSON.stringify(headers));
  });

  it('[MS-ASCMD] 2.2.3.110: MIMESupport says of what it gets MIME', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    await arrive(server, 'plain');
    await arrive(server, 'signed', signed);
    const typesWith = async (support: string) => {
      phone.forget(inbox);
      phone.syncOptions = [
        ['AirSync:MIMESupport', support],
        ['AirSyncBase:BodyPreference', ['AirSyncBase:Type', '1']],
        ['AirSyncBase:BodyPreference', ['AirSyncBase:Type', '4']],
      ];
      await phone.sync(inbox);
      return ['plain', 'signed'].map((subject) => {
        const { data } = phone.in(inbox).get(phone.withSubject(inbox, subject)[0]!)!;
        return text(data, 'AirSyncBase:Body', 'AirSyncBase:Type');
      });
    };
    assert.deepEqual(await typesWith('0'), ['1', '1']);
    assert.deepEqual(await typesWith('1'), ['1', '4']);
    assert.deepEqual(await typesWith('2'), ['4', '4']);
    const [id] = phone.withSubject(inbox, 'signed');
    const { data } = phone.in(inbox).get(id!)!;
    assert.equal(text(data, 'Email:MessageClass'), 'IPM.Note.SMIME.MultipartSigned');
    assert.match(text(data, 'AirSyncBase:Body', 'AirSyncBase:Data')!, /micalg=sha-256/);
  });

  it('[MS-ASCON] 2.2.2.3: messages of a conversation have its id, from 14.0 on', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    await arrive(server, 'first');
    const answer = 'In-Reply-To: <first@far.test>\r\nReferences: <first@far.test>\r\n\r\nYes.\r\n';
    await arrive(server, 'second', answer);
    await arrive(server, 'other');
    await phone.sync(inbox);
    const [first, second, other] = ['first', 'second', 'other'].map((subject) => {
      const { data } = phone.in(inbox).get(phone.withSubject(inbox, subject)[0]!)!;
      const id = at(data, 'Email2:ConversationId')![1] as Uint8Array;
      assert.equal(id.length, 16);
      return Buffer.from(id).toString('hex');
    });
    assert.equal(first, second);
    assert.notEqual(first, other);
    const old = phoneOf(server, '12.1');
    old.policyKey = phone.policyKey;
    await old.sync(inbox);
    for (const { data } of old.in(inbox).values())
      assert.equal(at(data, 'Email2:ConversationId'), undefined);
  });

  it('[MS-ASCMD] 2.2.3.130: says only what is otherwise than the last time, or nothing', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    const sent = phone.folder(sentType);
    await phone.sync(inbox);
    await phone.sync(sent);
    assert.equal((await phone.ask('Sync', ['AirSync:Sync', ['AirSync:Partial']])).status, 200);
    const both: Node = [
      'AirSync:Sync',
      ['AirSync:Collections', phone.collection(inbox), phone.collection(sent)],
      ['AirSync:HeartbeatInterval', '60'],
    ];
    assert.equal((await during(server, phone.ask('Sync', both), 5_000)).octets.length, 0);
    // An empty one: the same folders, the same wait.
    const empty = phone.ask('Sync');
    await arrive(server, 'one');
    phone.take((await during(server, empty)).doc!);
    assert.equal(phone.withSubject(inbox, 'one').length, 1);
    await send(phone, 'SendMail', reply('out'));
    const partial: Node = [
      'AirSync:Sync',
      ['AirSync:Partial'],
      ['AirSync:Collections', phone.collection(inbox)],
    ];
    phone.take((await during(server, phone.ask('Sync', partial))).doc!);
    assert.equal(phone.withSubject(sent, 'out').length, 1, 'of a folder that it did not name');
    // Deleted for good, as it says.
    const [one] = phone.withSubject(inbox, 'one');
    await phone.syncOnce(inbox, [
      ['AirSync:DeletesAsMoves', '0'],
      ['AirSync:Commands', ['AirSync:Delete', ['AirSync:ServerId', one!]]],
    ]);
    const trash = phone.folder(trashType);
    await phone.sync(trash);
    assert.equal(phone.in(trash).size, 0);
    const fetched = await phone.syncOnce(sent, [
      [
        'AirSync:Commands',
        ['AirSync:Fetch', ['AirSync:ServerId', phone.withSubject(sent, 'out')[0]!]],
        ['AirSync:Fetch', ['AirSync:ServerId', `${sent}:999`]],
      ],
    ]);
    const [there, gone] = childrenOf(collectionIn(fetched, sent, 'AirSync:Responses'));
    assert.equal(text(there, 'AirSync:ApplicationData', 'Email:Subject'), 'out');
    assert.equal(text(gone, 'AirSync:Status'), '8');
  });

  it('[MS-ASCMD] 2.2.1.15: is told who is meant, and that there are no certificates', async () => {
    await using it = await world();
    const { phone } = it;
    const answer = await phone.done('ResolveRecipients', [
      'ResolveRecipients:ResolveRecipients',
      ['ResolveRecipients:To', 'bob'],
      ['ResolveRecipients:To', 'example.org'],
      ['ResolveRecipients:Options', ['ResolveRecipients:CertificateRetrieval', '2']],
    ]);
    const [one, two] = childrenOf(answer, 'ResolveRecipients:Response');
    assert.deepEqual(
      [one, two].map((each) => [
        text(each, 'ResolveRecipients:Status'),
        text(each, 'ResolveRecipients:RecipientCount'),
      ]),
      [
        ['1', '1'],
        ['2', '2'],
      ],
    );
    const certificates = at(one, 'ResolveRecipients:Recipient', 'ResolveRecipients:Certificates');
    assert.equal(text(certificates, 'ResolveRecipients:Status'), '7');
  });

  it('answers are compressed for who can read that, and for nobody else', async () => {
    await using it = await world();
    const { server, phone } = it;
    const ask = async (accepted: string | undefined) => {
      const answer = request(
        `${urlOf(server)}/Microsoft-Server-ActiveSync?Cmd=FolderSync&DeviceId=phone1&DeviceType=T`,
        {
          method: 'POST',
          headers: {
            ...headersOf(phone),
            ...(accepted !== undefined && { 'accept-encoding': accepted }),
          },
        },
      ).end(write(['FolderHierarchy:FolderSync', ['FolderHierarchy:SyncKey', '0']]));
      const [incoming] = (await once(answer, 'response')) as [IncomingMessage];
      const octets = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
      return { encoding: incoming.headers['content-encoding'], octets };
    };
    const client = await imap(server);
    for (let i = 0; i < 40; i += 1) await client.ask(`CREATE "A folder with a long name ${i}"`);
    client.close();
    const foldersIn = (octets: Buffer) =>
      text(at(read(octets), 'FolderHierarchy:Changes', 'FolderHierarchy:Count'));
    const packed = await ask('deflate, gzip');
    assert.equal(packed.encoding, 'gzip');
    assert.equal(foldersIn(gunzipSync(packed.octets)), '50');
    for (const accepted of [undefined, 'deflate', 'identity']) {
      const { encoding, octets } = await ask(accepted);
      assert.equal(encoding, undefined);
      assert.equal(foldersIn(octets), '50');
    }
  });

  it('[MS-ASCMD] 2.2.1.5: an answer of FolderSync or FolderCreate that was lost is told again', async () => {
    await using it = await world();
    const { server, phone } = it;
    const client = await imap(server);
    await client.ask('CREATE One');
    const key = phone.folderKey;
    await phone.folderSync();
    phone.folders.delete(phone.named('One'));
    await client.ask('CREATE Two');
    phone.folderKey = key;
    await phone.folderSync();
    assert.ok(phone.named('One') && phone.named('Two'));
    const create: Node = [
      'FolderHierarchy:FolderCreate',
      ['FolderHierarchy:SyncKey', phone.folderKey],
      ['FolderHierarchy:ParentId', '0'],
      ['FolderHierarchy:DisplayName', 'Three'],
      ['FolderHierarchy:Type', '12'],
    ];
    await phone.done('FolderCreate', create);
    const again = await phone.done('FolderCreate', create);
    assert.equal(text(again, 'FolderHierarchy:Status'), '2', 'it is there');
    await phone.folderSync();
    assert.ok(phone.named('Three'), 'of which it hears with the key that it has');
    assert.deepEqual((await client.ask('LIST "" Three*')).slice(0, -1), [
      '* LIST (\\HasNoChildren) "/" "Three"',
    ]);
    // Both keys are good, older ones are not.
    const lost = await phone.done('FolderSync', [
      'FolderHierarchy:FolderSync',
      ['FolderHierarchy:SyncKey', key],
    ]);
    assert.equal(text(lost, 'FolderHierarchy:Status'), '9');
    client.close();
  });

  it('[MS-ASCMD] 2.2.3.177: says what is wrong with a move, an estimate, a Ping, a policy', async () => {
    await using it = await world();
    const { server, phone, inbox } = it;
    await arrive(server, 'one');
    await phone.sync(inbox);
    const [id] = phone.withSubject(inbox, 'one') as [string];
    const moved = async (source: string, target: string) =>
      text(
        await phone.done('MoveItems', [
          'Move:MoveItems',
          [
            'Move:Move',
            ['Move:SrcMsgId', source],
            ['Move:SrcFldId', inbox],
            ['Move:DstFldId', target],
          ],
        ]),
        ...['Move:Response', 'Move:Status'],
      );
    assert.equal(await moved(`${inbox}:999`, phone.folder(trashType)), '1');
    assert.equal(await moved(id, '99999'), '2');
    assert.equal(await moved(id, 'calendar'), '2');
    assert.equal(await moved(id, inbox), '4');
    const estimated = async (folder: string, key: string) =>
      text(
        await phone.done('GetItemEstimate', [
          'GetItemEstimate:GetItemEstimate',
          [
            'GetItemEstimate:Collections',
            [
              'GetItemEstimate:Collection',
              ['AirSync:SyncKey', key],
              ['GetItemEstimate:CollectionId', folder],
            ],
          ],
        ]),
        ...['GetItemEstimate:Response', 'GetItemEstimate:Status'],
      );
    assert.equal(await estimated(inbox, phone.keys.get(inbox)!), '1');
    assert.equal(await estimated('nowhere', '1'), '2');
    assert.equal(await estimated(phone.folder(sentType), '1'), '3');
    assert.equal(await estimated(inbox, 'nonsense-1'), '4');
    const many = Array.from({ length: 201 }, (_, i): Node => ['Ping:Folder', ['Ping:Id', `${i}`]]);
    const ping = await phone.done('Ping', [
      'Ping:Ping',
      ['Ping:HeartbeatInterval', '600'],
      ['Ping:Folders', ...many],
    ]);
    assert.deepEqual([text(ping, 'Ping:Status'), text(ping, 'Ping:MaxFolders')], ['6', '200']);
    const policy = async (type: string, ...more: readonly Node[]) =>
      text(
        await phone.done('Provision', [
          'Provision:Provision',
          ['Provision:Policies', ['Provision:Policy', ['Provision:PolicyType', type], ...more]],
        ]),
        ...['Provision:Policies', 'Provision:Policy', 'Provision:Status'],
      );
    assert.equal(await policy('MS-WAP-Provisioning-XML'), '3');
    const usual = 'MS-EAS-Provisioning-WBXML';
    const shown = (key: string, status: string): readonly Node[] => [
      ['Provision:PolicyKey', key],
      ['Provision:Status', status],
    ];
    assert.equal(await policy(usual, ...shown('7', '1')), '5', 'another key');
    assert.equal(await policy(usual, ...shown(phone.policyKey, '3')), '2', 'it has not taken them');
    await phone.sync(inbox);
  });
});
