// Whole lives of a phone, in every version: it sets itself up by address and password, gets its mail in windows and by
// push, answers, moves, is given another password, and is wiped. What it does is there by IMAP, and the other way round.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { collectionIn, Phone } from './phone.ts';
import type { Node } from './wire.ts';
import { at, childrenOf, text, write } from './wire.ts';
import {
  ann,
  arrive,
  bob,
  changeOf,
  config,
  draftsType,
  during,
  imap,
  inboxType,
  password,
  phoneOf,
  reply,
  send,
  sentType,
  start,
  startLogged,
  trashType,
  urlOf,
  versions,
} from './world.ts';

for (const version of versions)
  describe(`a phone of version ${version}`, () => {
    it('sets itself up, gets its mail, and what it does is there by IMAP', async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      phone.url = 'http://127.0.0.1:9/';
      await phone.discover();
      for (const subject of ['one', 'two', 'three']) await arrive(server, subject);

      const early = await phone.ask('FolderSync', [
        'FolderHierarchy:FolderSync',
        ['FolderHierarchy:SyncKey', '0'],
      ]);
      if (version === '12.1') assert.equal(early.status, 449);
      else assert.equal(text(early.doc, 'FolderHierarchy:Status'), '142');

      await phone.setUp();
      const inbox = phone.folder(inboxType);
      assert.deepEqual(
        [...phone.folders.values()].map(({ type }) => Number(type)).sort((a, b) => a - b),
        [2, 3, 4, 5, 7, 8, 9, 10, 12, 12],
      );
      assert.equal(await phone.sync(inbox, 2), 2);
      assert.deepEqual(
        [...phone.in(inbox).values()]
          .map(({ subject, body }) => `${subject}: ${body.trim()}`)
          .sort(),
        ['one: This is one.', 'three: This is three.', 'two: This is two.'],
      );
      assert.equal(await phone.syncOnce(inbox), undefined, 'nothing is new');

      const [one] = phone.withSubject(inbox, 'one');
      const [two] = phone.withSubject(inbox, 'two');
      const client = await imap(server);
      await client.ask('SELECT INBOX');
      await phone.syncOnce(inbox, [
        changeOf(one!, ['Email:Read', '1'], ['Email:Flag', ['Email:Status', '2']]),
      ]);
      assert.match(
        (await client.ask('UID FETCH 1 (FLAGS)')).join(),
        /\\Flagged \\Seen|\\Seen \\Flagged/,
      );
      assert.equal(await phone.syncOnce(inbox), undefined, 'its own change is not told to it');

      await client.ask('UID STORE 3 +FLAGS (\\Seen Project)');
      await phone.sync(inbox);
      const [three] = phone.withSubject(inbox, 'three');
      assert.deepEqual(phone.in(inbox).get(three!)?.categories, ['Project']);
      assert.equal(phone.in(inbox).get(three!)?.read, true);

      await send(phone, 'SmartReply', reply('Re: two'), two);
      await server.advance(0);
      await phone.sync(inbox);
      if (version !== '12.1') assert.equal(phone.in(inbox).get(two!)?.verb, '1');
      assert.match((await client.ask('UID FETCH 2 (FLAGS)')).join(), /\\Answered/);
      const sent = phone.folder(sentType);
      await phone.sync(sent);
      const [copy] = phone.in(sent).values();
      assert.match(copy!.body, /My words\.[\s\S]*This is two\./);
      assert.equal(phone.in(sent).size, 1);

      // Away with it: into Trash, and from there for good.
      await phone.syncOnce(inbox, [
        ['AirSync:Commands', ['AirSync:Delete', ['AirSync:ServerId', three!]]],
      ]);
      phone.in(inbox).delete(three!);
      const trash = phone.folder(trashType);
      await phone.sync(trash);
      assert.deepEqual(
        [...phone.in(trash).values()].map(({ subject }) => subject),
        ['three'],
      );

      const moved = await phone.done('MoveItems', [
        'Move:MoveItems',
        ['Move:Move', ['Move:SrcMsgId', one!], ['Move:SrcFldId', inbox], ['Move:DstFldId', trash]],
      ]);
      assert.equal(text(moved, 'Move:Response', 'Move:Status'), '3');
      await phone.sync(inbox);
      await phone.sync(trash);
      assert.equal(phone.in(inbox).has(one!), false);
      assert.ok(phone.in(trash).has(text(moved, 'Move:Response', 'Move:DstMsgId')!));
      client.close();
    });

    it('is told by a Ping what has come, and by a Sync that waits', async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      await phone.setUp();
      const inbox = phone.folder(inboxType);
      await phone.sync(inbox);
      const ping = phone.done('Ping', [
        'Ping:Ping',
        ['Ping:HeartbeatInterval', '600'],
        ['Ping:Folders', ['Ping:Folder', ['Ping:Id', inbox], ['Ping:Class', 'Email']]],
      ]);
      await arrive(server, 'pushed');
      const told = await during(server, ping);
      assert.equal(text(told, 'Ping:Status'), '2');
      assert.equal(text(told, 'Ping:Folders', 'Ping:Folder'), inbox);
      await phone.sync(inbox);
      assert.equal(phone.withSubject(inbox, 'pushed').length, 1);

      // The next one says nothing: all is as before. Nothing comes.
      const again = phone.done('Ping');
      assert.equal(text(await during(server, again, 100_000), 'Ping:Status'), '1');
      if (version === '12.1') return;
      const waiting = phone.ask(
        'Sync',
        phone.request(inbox, [], [['AirSync:HeartbeatInterval', '600']]),
      );
      await arrive(server, 'later');
      phone.take((await during(server, waiting)).doc!);
      assert.equal(phone.withSubject(inbox, 'later').length, 1);
    });
  });

describe('a phone', () => {
  it('who is not let in: another password, no password, a server where it is off', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    phone.password = 'wrong';
    assert.equal((await during(server, phone.ask('Provision'))).status, 401);
    const { status, headers } = await fetch(`${urlOf(server)}/Microsoft-Server-ActiveSync`, {
      method: 'OPTIONS',
    });
    assert.equal(status, 401);
    assert.match(headers.get('www-authenticate')!, /^Basic /);
    await using off = await start({ activeSync: undefined });
    assert.equal((await phoneOf(off, '16.1').ask('Provision')).status, 404);
  });

  it('[MS-ASHTTP] 2.2.4.1.2: OPTIONS tells versions and commands', async () => {
    await using server = await start();
    const authorization = `Basic ${Buffer.from(`EXAMPLE\\${ann}:${password}`).toString('base64')}`;
    const answer = await fetch(`${urlOf(server)}/Microsoft-Server-ActiveSync`, {
      ...{ method: 'OPTIONS', headers: { authorization } },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('ms-asprotocolversions'), '12.1,14.0,14.1,16.0,16.1');
    assert.match(answer.headers.get('ms-asprotocolcommands')!, /Sync,SendMail.*Ping.*Find/);
  });

  it('[MS-ASHTTP] 3.1.5.2.2: goes where the mail is now, once it has logged in', async () => {
    await using now = await start();
    const redirect = urlOf(now);
    await using before = await start({ activeSync: { redirect } });
    const phone = phoneOf(before, '16.1');
    await phone.setUp();
    assert.equal(phone.url, `${redirect}/Microsoft-Server-ActiveSync`);
    await arrive(now, 'moved');
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    assert.equal(phone.withSubject(inbox, 'moved').length, 1);
    const authorization = `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`;
    const options = { method: 'OPTIONS', headers: { authorization } };
    const told = await fetch(`${urlOf(before)}/Microsoft-Server-ActiveSync`, options);
    assert.equal(told.status, 451);
    const json = await fetch(
      `${urlOf(before)}/autodiscover/autodiscover.json?Email=${ann}&Protocol=ActiveSync`,
    );
    assert.deepEqual(await json.json(), { Protocol: 'ActiveSync', Url: phone.url });
    const stranger = phoneOf(before, '16.1');
    stranger.password = 'wrong';
    assert.equal(
      (await during(before, stranger.ask('Provision'))).status,
      401,
      'nobody else is told',
    );
  });

  it('is not led to where it is already, round in circles', async () => {
    const redirect = 'https://mail.example.org';
    await using server = await start({ activeSync: { redirect } });
    const authorization = `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`;
    const asked = async (host: string) => {
      const headers = { authorization, host };
      const url = `${urlOf(server)}/Microsoft-Server-ActiveSync`;
      const [answer] = await once(request(url, { method: 'OPTIONS', headers }).end(), 'response');
      (answer as IncomingMessage).resume();
      return (answer as IncomingMessage).statusCode;
    };
    for (const host of ['elsewhere.test', 'mail.example.org:8443', '127.0.0.1'])
      assert.equal(await asked(host), 451, host);
    // Field: some say the port that is meant anyway; a proxy hands that on without TLS.
    for (const host of ['mail.example.org', 'Mail.Example.ORG', 'mail.example.org:443'])
      assert.equal(await asked(host), 200, host);
  });

  it('the same request twice has the same answer, and changes nothing twice', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    for (const subject of ['one', 'two', 'three']) await arrive(server, subject);
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    const [one] = phone.withSubject(inbox, 'one');
    await arrive(server, 'four');
    const asked = phone.request(inbox, [
      ['AirSync:Commands', ['AirSync:Delete', ['AirSync:ServerId', one!]]],
    ]);
    const first = await phone.ask('Sync', asked);
    await arrive(server, 'five');
    const second = await phone.ask('Sync', asked);
    const commandsOf = (doc: Node | undefined) =>
      childrenOf(collectionIn(doc, inbox, 'AirSync:Commands')).map(
        (each) => text(each, 'AirSync:ApplicationData', 'Email:Subject') ?? each[0],
      );
    assert.deepEqual(commandsOf(first.doc), ['four']);
    assert.deepEqual(second.octets, first.octets, 'whatever has come since');
    phone.in(inbox).delete(one!);
    phone.take(second.doc!);
    await phone.syncOnce(inbox);
    assert.equal(phone.withSubject(inbox, 'five').length, 1);
    assert.equal(await phone.syncOnce(inbox), undefined);
    const trash = phone.folder(trashType);
    await phone.sync(trash);
    assert.equal(phone.in(trash).size, 1);

    phone.keys.set(inbox, 'nonsense-7');
    const lost = await phone.ask('Sync', phone.request(inbox));
    assert.equal(text(collectionIn(lost.doc, inbox), 'AirSync:Status'), '3');
    phone.forget(inbox);
    await phone.sync(inbox);
    assert.equal(phone.in(inbox).size, 4, 'it begins anew, without anything twice');
  });

  it('what an answer told is told again, though it goes meanwhile or another window is asked for', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    for (const subject of ['one', 'two', 'three']) await arrive(server, subject);
    const ask = async (window: string) =>
      (await phone.ask('Sync', phone.request(inbox, [['AirSync:WindowSize', window]]))).doc!;
    const told = (doc: Node) =>
      childrenOf(collectionIn(doc, inbox, 'AirSync:Commands')).map((each) => [
        each[0],
        text(each, 'AirSync:ServerId'),
        text(each, 'AirSync:ApplicationData', 'Email:Subject'),
      ]);
    const first = told(await ask('2'));
    const client = await imap(server);
    await client.ask('SELECT INBOX');
    await client.ask('STORE 3 +FLAGS (\\Deleted)');
    await client.ask('EXPUNGE');
    await arrive(server, 'four');
    const again = await ask('2');
    assert.deepEqual(told(again), first.slice(1));
    assert.ok(collectionIn(again, inbox, 'AirSync:MoreAvailable'));
    assert.deepEqual(
      told(await ask('1')).map(([, , subject]) => subject),
      ['four'],
      'a phone without room for two asks for one, of what there is',
    );
    phone.take(await ask('1'));
    await phone.sync(inbox, 1);
    assert.deepEqual([...phone.in(inbox).values()].map(({ subject }) => subject).sort(), [
      'four',
      'one',
      'two',
    ]);
    client.close();
  });

  it('Field: FolderSync with key 0 leaves what it has of the folders', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    await arrive(server, 'one');
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    phone.folderKey = '0';
    await phone.folderSync();
    assert.equal(await phone.syncOnce(inbox), undefined);
  });

  it('the fifty-first of an account takes the place of the one that was not heard of for longest, with all that it knew', async () => {
    await using server = await start();
    const first = phoneOf(server, '16.1');
    await first.setUp();
    const inbox = first.folder(inboxType);
    await first.sync(inbox);
    const key = first.keys.get(inbox)!;
    await server.advance(1_000);
    for (let i = 0; i < 50; i += 1) {
      const options = { url: urlOf(server), user: ann, password, version: '16.1', id: `p${i}` };
      await new Phone(options).ask('Settings', ['Settings:Settings']);
    }
    // As a new one with the same name: nothing of what it knew is left.
    first.policyKey = '0';
    await first.provision();
    first.keys.set(inbox, key);
    const answer = await first.ask('Sync', first.request(inbox));
    assert.equal(text(collectionIn(answer.doc, inbox), 'AirSync:Status'), '3');
  });

  it('makes, renames and deletes folders, and hears of what others do with them', async () => {
    await using server = await start();
    const phone = phoneOf(server, '14.1');
    await phone.setUp();
    const change = async (command: string, ...more: readonly Node[]) => {
      const answer = await phone.done(command, [
        `FolderHierarchy:${command}`,
        ['FolderHierarchy:SyncKey', phone.folderKey],
        ...more,
      ]);
      const status = text(answer, 'FolderHierarchy:Status');
      if (status === '1') phone.folderKey = text(answer, 'FolderHierarchy:SyncKey')!;
      return { status, id: text(answer, 'FolderHierarchy:ServerId') };
    };
    const named = (name: string): Node => ['FolderHierarchy:DisplayName', name];
    const under = (id: string): Node => ['FolderHierarchy:ParentId', id];
    const that = (id: string): Node => ['FolderHierarchy:ServerId', id];
    const made = await change('FolderCreate', under('0'), named('Work'), [
      'FolderHierarchy:Type',
      '12',
    ]);
    assert.equal(made.status, '1');
    phone.folders.set(made.id!, { id: made.id!, parent: '0', name: 'Work', type: '12' });
    assert.equal((await change('FolderCreate', under('0'), named('Work'))).status, '2');
    assert.equal((await change('FolderCreate', under('999'), named('Lost'))).status, '5');
    for (const name of ['..', '.', 'Other Users', 'a\u0085b', 'a\u2028b'])
      assert.equal((await change('FolderCreate', under('0'), named(name))).status, '10', name);
    assert.equal((await change('FolderCreate', under('0'), named('inBox'))).status, '2');
    assert.equal(
      (await change('FolderUpdate', that(made.id!), under('0'), named('..'))).status,
      '10',
    );
    const client = await imap(server);
    assert.match((await client.ask('LIST "" *')).join('\n'), /Work/);
    assert.equal(
      (await change('FolderUpdate', that(made.id!), under('0'), named('Play'))).status,
      '1',
    );
    assert.match((await client.ask('LIST "" *')).join('\n'), /Play/);
    await client.ask('CREATE Play/Chess');
    await client.ask('RENAME Play Leisure');
    await phone.folderSync();
    assert.deepEqual(
      [phone.folders.get(phone.named('Chess'))!.parent, phone.folders.get(made.id!)!.name],
      [made.id, 'Leisure'],
    );
    assert.equal((await change('FolderDelete', that(phone.folder(inboxType)))).status, '3');
    assert.equal((await change('FolderDelete', that(made.id!))).status, '1');
    phone.folders.delete(made.id!);
    phone.folders.delete(phone.named('Chess'));
    await phone.folderSync();
    await client.ask(`CREATE Deep/${'d'.repeat(900)}`);
    await phone.folderSync();
    const longer = named('a'.repeat(200));
    assert.equal(
      (await change('FolderUpdate', that(phone.named('Deep')), under('0'), longer)).status,
      '10',
      'what lies below would have no name that anybody could use',
    );
    await client.ask(`DELETE Deep/${'d'.repeat(900)}`);
    await client.ask('DELETE Deep');
    await phone.folderSync();
    await client.ask('CREATE Later');
    await client.ask('DELETE Later');
    await phone.folderSync();
    assert.equal(
      [...phone.folders.values()].some(({ name }) => name === 'Later'),
      false,
    );
    client.close();
  });

  it('sends once what it sends twice, and hears of what is refused', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const mime = reply('hello', bob);
    await send(phone, 'SendMail', mime);
    await send(phone, 'SendMail', mime);
    await server.advance(0);
    const client = await imap(server, bob);
    assert.match((await client.ask('STATUS INBOX (MESSAGES)')).join(), /MESSAGES 1\)/);
    client.close();
    const sent = phone.folder(sentType);
    await phone.sync(sent);
    assert.equal(phone.in(sent).size, 1);
    const forged = Buffer.from(`From: ${bob}\r\nTo: ${ann}\r\nSubject: x\r\n\r\nx\r\n`);
    const refused = await phone.done('SendMail', [
      'ComposeMail:SendMail',
      ['ComposeMail:ClientId', 'forged'],
      ['ComposeMail:MIME', forged],
    ]);
    assert.equal(text(refused, 'ComposeMail:Status'), '120');
  });

  it('its own answer is no conflict with what it flags afterwards', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    await arrive(server, 'one');
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    const [one] = phone.withSubject(inbox, 'one');
    await send(phone, 'SmartReply', reply('Re: one'), one);
    const done = await phone.syncOnce(inbox, [
      changeOf(one!, ['Email:Flag', ['Email:Status', '2']]),
    ]);
    assert.equal(collectionIn(done, inbox, 'AirSync:Responses'), undefined);
    const { flagged, verb } = phone.in(inbox).get(one!)!;
    assert.deepEqual([flagged, verb], [true, '1']);
  });

  it('[MS-ASAIRS] 2.2.2.10: parts of bodies, plain and as HTML; 176 for what is too large or of another type', async () => {
    await using server = await start();
    const wanted = (type: string, ...more: readonly Node[]): Node => [
      'AirSyncBase:BodyPartPreference',
      ['AirSyncBase:Type', type],
      ...more,
    ];
    const preferences = [
      wanted('1', ['AirSyncBase:TruncationSize', '4'], ['AirSyncBase:Preview', '7']),
      wanted('2'),
      wanted('2', ['AirSyncBase:TruncationSize', '4'], ['AirSyncBase:AllOrNone', '1']),
      wanted('4'),
    ];
    const mail = '\r\nThis is <it>.\r\n';
    await arrive(server, 'it', mail);
    for (const version of ['14.0', '16.1']) {
      const phone = phoneOf(server, version);
      phone.syncOptions = preferences;
      await phone.setUp();
      const inbox = phone.folder(inboxType);
      await phone.sync(inbox);
      const { data } = [...phone.in(inbox).values()][0]!;
      const parts = childrenOf(data).filter(([name]) => name === 'AirSyncBase:BodyPart');
      const bodies = childrenOf(data).filter(([name]) => name === 'AirSyncBase:Body');
      assert.equal(bodies.length, version === '14.0' ? 1 : 0);
      const shown = parts.map((part) =>
        childrenOf(part).map((each) => `${each[0].split(':')[1]} ${text(each)}`),
      );
      const html = '<html><body>This is &lt;it&gt;.<br>\r\n</body></html>';
      const all = [
        [
          'Status 1',
          'Type 1',
          'EstimatedDataSize 15',
          'Truncated 1',
          'Data This',
          'Preview This is',
        ],
        ['Status 1', 'Type 2', `EstimatedDataSize ${html.length}`, `Data ${html}`],
        ['Status 176', 'Type 2', `EstimatedDataSize ${html.length}`, 'Truncated 1'],
        ['Status 176', 'Type 4', 'EstimatedDataSize 0'],
      ];
      assert.deepEqual(shown, version === '14.0' ? [] : all);
    }
  });

  for (const conflict of ['0', '1', undefined])
    it(`[MS-ASCMD] 2.2.3.34: Conflict ${conflict} says who wins where both changed a message`, async () => {
      await using server = await start();
      const phone = phoneOf(server, '14.1');
      if (conflict !== undefined)
        phone.syncOptions = [['AirSync:Conflict', conflict], ...phone.syncOptions];
      await phone.setUp();
      for (const subject of ['one', 'two', 'three']) await arrive(server, subject);
      const inbox = phone.folder(inboxType);
      await phone.sync(inbox);
      const client = await imap(server);
      await client.ask('SELECT INBOX');
      const flagsOf = async (uid: number) =>
        new RegExp(`UID ${uid} FLAGS \\(([^)]*)\\)`).exec(
          (await client.ask(`UID FETCH ${uid} (FLAGS)`)).join(),
        )![1]!;
      const [one, two, three] = ['one', 'two', 'three'].map(
        (subject) => phone.withSubject(inbox, subject)[0]!,
      );
      const categories: Node = ['Email:Categories', ['Email:Category', 'Home']];
      await client.ask('UID STORE 1 +FLAGS (Work)');
      await client.ask('UID STORE 2 +FLAGS (\\Flagged)');
      await client.ask('UID STORE 3 +FLAGS (\\Answered)');
      const changes = [
        changeOf(one!, categories, ['Email:Read', '1']),
        // What both did alike is no conflict, and neither is having read it.
        changeOf(two!, ['Email:Flag', ['Email:Status', '2']]),
        changeOf(three!, ['Email:Read', '1']),
      ].flatMap((each) => childrenOf(each));
      const commands: Node = ['AirSync:Commands', ...changes];
      const answer = (await phone.ask('Sync', phone.request(inbox, [commands]))).doc!;
      const responses = childrenOf(collectionIn(answer, inbox, 'AirSync:Responses')).map((each) => [
        each[0],
        text(each, 'AirSync:ServerId'),
        text(each, 'AirSync:Status'),
      ]);
      const clientWins = conflict === '0';
      assert.deepEqual(responses, clientWins ? [] : [['AirSync:Change', one, '7']]);
      assert.deepEqual(
        (await flagsOf(1))
          .split(' ')
          .filter((flag) => flag !== '\\Recent')
          .sort(),
        clientWins ? ['Home', '\\Seen'] : ['Work'],
      );
      assert.match(await flagsOf(2), /\\Flagged/);
      assert.match(await flagsOf(3), /\\Seen/);
      // With the same answer it hears what holds.
      phone.take(answer);
      const mailOne = phone.in(inbox).get(one!)!;
      assert.deepEqual(
        [mailOne.categories, mailOne.read],
        clientWins ? [['Home'], true] : [['Work'], false],
      );
      assert.equal(phone.in(inbox).get(two!)!.flagged, true);
      assert.deepEqual(
        [phone.in(inbox).get(three!)!.verb, phone.in(inbox).get(three!)!.read],
        ['1', true],
      );
      assert.equal(await phone.syncOnce(inbox), undefined);
      client.close();
    });

  it('the log names device and command of what is sent, and of what is refused', async () => {
    await using logged = await startLogged();
    const { server, lines } = logged;
    const phone = phoneOf(server, '16.1');
    for (let i = 0; i < 5; i += 1) await phone.ask('FolderSync');
    await phone.setUp();
    await send(phone, 'SendMail', reply('hello'));
    const forged = Buffer.from(`From: ${bob}\r\nTo: ${ann}\r\nSubject: x\r\n\r\nx\r\n`);
    await phone.ask('SendMail', [
      'ComposeMail:SendMail',
      ['ComposeMail:ClientId', 'forged'],
      ['ComposeMail:MIME', forged],
    ]);
    const drafts = phone.folder(draftsType);
    await phone.sync(drafts);
    await phone.ask(
      'Sync',
      phone.request(drafts, [
        [
          'AirSync:Commands',
          [
            'AirSync:Add',
            ['AirSync:ClientId', 'd1'],
            ['AirSync:ApplicationData', ['Email:Subject', 'To nobody'], ['Email2:Send']],
          ],
        ],
      ]),
    );
    const named = lines
      .filter(({ event }) =>
        ['received', 'device refused', 'device could not send'].includes(event),
      )
      .map(({ event, device, during, program }) => [event, device, during, program]);
    assert.deepEqual(named, [
      ['device refused', 'phone1', 'FolderSync', 'TestPhone'],
      ['received', 'phone1', 'SendMail', 'TestPhone'],
      ['device could not send', 'phone1', 'SendMail', 'TestPhone'],
      ['device could not send', 'phone1', 'Sync', 'TestPhone'],
    ]);
  });

  it('what is refused by a status of HTTP is in the log and can be searched, as other refusals', async () => {
    await using logged = await startLogged({ limits: { messageSize: 1024 } });
    const { server, lines } = logged;
    const phone = phoneOf(server, '16.1');
    const early = phoneOf(server, '12.1');
    assert.equal((await early.ask('FolderSync')).status, 449);
    await phone.setUp();
    const ask = async (body: Uint8Array, headers: Record<string, string> = {}) =>
      (await phone.ask('Sync', body, { headers })).status;
    const wbxml = { 'content-type': 'application/vnd.ms-sync.wbxml' };
    assert.equal(await ask(Buffer.from('nonsense'), wbxml), 400);
    assert.equal(await ask(Buffer.alloc(0), { 'content-encoding': 'gzip' }), 415);
    assert.equal(await ask(Buffer.alloc(0), { 'ms-asprotocolversion': '2.5' }), 505);
    assert.equal(await ask(Buffer.alloc(2 ** 20 + 10_000), wbxml), 413);
    assert.equal((await phone.ask('Nothing')).status, 501);
    assert.equal(
      (await phone.ask('GetAttachment', undefined, { query: '&AttachmentName=x' })).status,
      404,
    );
    const authorization = `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`;
    const byGet = await fetch(phone.url, {
      headers: { authorization, 'user-agent': 'Test/1.0' },
    });
    assert.deepEqual([byGet.status, byGet.headers.get('allow')], [405, 'OPTIONS, POST']);
    await server.reload({
      ...{ ...config, limits: { messageSize: 1024 } },
      activeSync: { redirect: 'https://new.example.org' },
    });
    const led = await fetch(phone.url, {
      ...{ method: 'OPTIONS', headers: { authorization, 'user-agent': 'Test/1.0' } },
    });
    assert.equal(led.status, 451);
    const refused = lines.filter(({ event }) => event === 'refused');
    assert.deepEqual(
      refused.map(({ account, stage, reason }) => [account, stage, String(reason).slice(0, 3)]),
      ['400', '415', '505', '413', '501', '404', '405', '451'].map((status) => [
        ...[ann, 'activesync', status],
      ]),
    );
    assert.match(String(refused[5]!.reason), /GetAttachment of phone1/);
    const { refusals } = await server.server.operations.refusalSearch({
      account: ann,
      stage: 'activesync',
    });
    assert.equal(refusals.length, refused.length);
    assert.match(String(refused.at(-1)!.reason), /led to https:\/\/new\.example\.org/);
    assert.ok(refused.every(({ client, hello }) => client !== '' && hello === 'Test/1.0'));
  });

  for (const version of ['16.0', '16.1'] as const)
    it(`drafts of ${version}: written, written anew with a file, sent`, async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      await phone.setUp();
      const drafts = phone.folder(draftsType);
      await phone.sync(drafts);
      const add: Node = [
        'AirSync:Commands',
        [
          'AirSync:Add',
          ['AirSync:ClientId', 'd1'],
          [
            'AirSync:ApplicationData',
            ['Email:To', `Bob <${bob}>`],
            ['Email:Subject', 'Plan'],
            ['AirSyncBase:Body', ['AirSyncBase:Type', '1'], ['AirSyncBase:Data', 'First words']],
          ],
        ],
      ];
      const asked = phone.request(drafts, [add]);
      const first = await phone.ask('Sync', asked);
      const responses = collectionIn(first.doc, drafts, 'AirSync:Responses');
      assert.equal(text(responses, 'AirSync:Add', 'AirSync:Status'), '1');
      const id = text(responses, 'AirSync:Add', 'AirSync:ServerId')!;
      const second = await phone.ask('Sync', asked);
      assert.equal(
        text(
          collectionIn(second.doc, drafts, 'AirSync:Responses'),
          'AirSync:Add',
          'AirSync:ServerId',
        ),
        id,
      );
      phone.keys.set(drafts, text(collectionIn(second.doc, drafts), 'AirSync:SyncKey')!);
      phone.in(drafts).set(id, {
        ...{ subject: 'Plan', read: true, flagged: false, categories: [], verb: '0', body: '' },
        data: ['AirSync:ApplicationData'],
      });
      const file: Node = [
        'AirSyncBase:Attachments',
        [
          'AirSyncBase:Add',
          ['AirSyncBase:ClientId', 'f1'],
          ['AirSyncBase:DisplayName', 'plan.txt'],
          ['AirSyncBase:ContentType', 'text/plain'],
          ['AirSyncBase:Method', '1'],
          ['AirSyncBase:Content', Buffer.from('the plan')],
        ],
      ];
      const byImap = await imap(server);
      await byImap.ask('SELECT Drafts');
      await byImap.ask('STORE 1 +FLAGS (\\Flagged Word)');
      await phone.sync(drafts);
      const changed = await phone.syncOnce(drafts, [
        changeOf(id, ['Email:Subject', 'Plan B'], file),
      ]);
      const attachment = at(
        ...[collectionIn(changed, drafts, 'AirSync:Responses'), 'AirSync:Change'],
        ...['AirSync:ApplicationData', 'AirSyncBase:Attachments', 'AirSyncBase:Attachment'],
      );
      assert.equal(text(attachment, 'AirSyncBase:DisplayName'), 'plan.txt');
      assert.equal(text(attachment, 'AirSyncBase:ClientId'), 'f1');
      assert.match(text(attachment, 'AirSyncBase:FileReference')!, new RegExp(`^${id}:`));
      assert.equal(await phone.syncOnce(drafts), undefined, 'it is the draft that it was');
      await byImap.ask('NOOP');
      const flags = (await byImap.ask('FETCH 1:* FLAGS')).join('\n');
      assert.match(flags, /\\Flagged/);
      assert.match(flags, /Word/);
      const shown = await phone.done('ItemOperations', [
        'ItemOperations:ItemOperations',
        [
          'ItemOperations:Fetch',
          ['ItemOperations:Store', 'Mailbox'],
          ['AirSync:CollectionId', drafts],
          ['AirSync:ServerId', id],
        ],
      ]);
      const draft = at(
        ...[shown, 'ItemOperations:Response', 'ItemOperations:Fetch', 'ItemOperations:Properties'],
      );
      assert.equal(text(draft, 'Email:Subject'), 'Plan B');
      assert.match(text(draft, 'AirSyncBase:Body', 'AirSyncBase:Data')!, /First words/);
      // By somebody else it is told under the id that the phone has.
      await byImap.ask('STORE 1:* +FLAGS (Other)');
      await phone.syncOnce(drafts);
      assert.ok(phone.in(drafts).get(id)!.categories.includes('Other'));
      byImap.close();
      const fetched = await phone.done('ItemOperations', [
        'ItemOperations:ItemOperations',
        [
          'ItemOperations:Fetch',
          ['ItemOperations:Store', 'Mailbox'],
          ['AirSyncBase:FileReference', text(attachment, 'AirSyncBase:FileReference')!],
        ],
      ]);
      const properties = at(
        fetched,
        ...['ItemOperations:Response', 'ItemOperations:Fetch', 'ItemOperations:Properties'],
      );
      assert.equal(
        Buffer.from(text(properties, 'ItemOperations:Data')!, 'base64').toString(),
        'the plan',
      );
      await phone.syncOnce(drafts, [changeOf(id, ['Email2:Send'])]);
      phone.in(drafts).delete(id);
      await phone.sync(drafts);
      await server.advance(0);
      assert.equal(phone.in(drafts).size, 0);
      const client = await imap(server, bob);
      await client.ask('SELECT INBOX');
      assert.match(
        (await client.ask('FETCH 1 BODY[]')).join('\n'),
        /Subject: Plan B[\s\S]*plan\.txt/,
      );
      client.close();
    });

  it('asks how much there is, fetches a message, searches, and looks for people', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const html =
      'MIME-Version: 1.0\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>H\xe9llo <b>apple</b></p>\r\n';
    await arrive(server, 'fruit', html.replace('\xe9', '&eacute;'));
    await arrive(server, 'other');
    const inbox = phone.folder(inboxType);
    phone.take((await phone.ask('Sync', phone.request(inbox))).doc!);
    const estimate = await phone.done('GetItemEstimate', [
      'GetItemEstimate:GetItemEstimate',
      [
        'GetItemEstimate:Collections',
        [
          'GetItemEstimate:Collection',
          ['AirSync:SyncKey', phone.keys.get(inbox)!],
          ['GetItemEstimate:CollectionId', inbox],
        ],
      ],
    ]);
    const response = at(estimate, 'GetItemEstimate:Response');
    assert.equal(text(response, 'GetItemEstimate:Collection', 'GetItemEstimate:Estimate'), '2');
    phone.syncOptions = [
      [
        'AirSyncBase:BodyPreference',
        ['AirSyncBase:Type', '1'],
        ['AirSyncBase:TruncationSize', '8'],
      ],
    ];
    await phone.sync(inbox);
    const [id] = phone.withSubject(inbox, 'fruit');
    const body = at(phone.in(inbox).get(id!)!.data, 'AirSyncBase:Body');
    assert.equal(text(body, 'AirSyncBase:Truncated'), '1');
    assert.ok(Buffer.byteLength(text(body, 'AirSyncBase:Data')!) <= 8);
    const fetchOf = (type: string): Node => [
      'ItemOperations:ItemOperations',
      [
        'ItemOperations:Fetch',
        ['ItemOperations:Store', 'Mailbox'],
        ['AirSync:CollectionId', inbox],
        ['AirSync:ServerId', id!],
        ['ItemOperations:Options', ['AirSyncBase:BodyPreference', ['AirSyncBase:Type', type]]],
      ],
    ];
    const dataOf = (doc: Node) =>
      text(
        doc,
        ...['ItemOperations:Response', 'ItemOperations:Fetch', 'ItemOperations:Properties'],
        ...['AirSyncBase:Body', 'AirSyncBase:Data'],
      );
    assert.match(dataOf(await phone.done('ItemOperations', fetchOf('2')))!, /<b>apple<\/b>/);
    assert.match(dataOf(await phone.done('ItemOperations', fetchOf('1')))!, /^\s*Héllo apple/);
    assert.match(dataOf(await phone.done('ItemOperations', fetchOf('4')))!, /Subject: fruit/);
    const parts = await phone.ask('ItemOperations', fetchOf('2'), {
      headers: { 'ms-asacceptmultipart': 'T' },
    });
    assert.equal(parts.headers.get('content-type'), 'application/vnd.ms-sync.multipart');
    assert.equal(parts.octets.readUInt32LE(0), 2);
    const [from, size] = [parts.octets.readUInt32LE(12), parts.octets.readUInt32LE(16)];
    assert.match(parts.octets.toString('utf8', from, from + size), /<b>apple<\/b>/);

    const found = await phone.done('Search', [
      'Search:Search',
      [
        'Search:Store',
        ['Search:Name', 'Mailbox'],
        ['Search:Query', ['Search:And', ['AirSync:Class', 'Email'], ['Search:FreeText', 'apple']]],
        ['Search:Options', ['Search:Range', '0-9']],
      ],
    ]);
    const store = at(found, 'Search:Response', 'Search:Store');
    assert.equal(text(store, 'Search:Total'), '1');
    assert.equal(text(store, 'Search:Result', 'Search:LongId'), id);
    const people = await phone.done('Search', [
      'Search:Search',
      ['Search:Store', ['Search:Name', 'GAL'], ['Search:Query', 'bob']],
    ]);
    const person = at(
      people,
      'Search:Response',
      'Search:Store',
      'Search:Result',
      'Search:Properties',
    );
    assert.equal(text(person, 'GAL:EmailAddress'), bob);
    const newer = await phone.done('Find', [
      'Find:Find',
      ['Find:SearchId', 'x'],
      [
        'Find:ExecuteSearch',
        [
          'Find:MailBoxSearchCriterion',
          ['Find:Query', ['Find:FreeText', 'apple']],
          ['Find:Options', ['Find:Range', '0-9']],
        ],
      ],
    ]);
    assert.equal(text(newer, 'Find:Response', 'Find:Result', 'AirSync:ServerId'), id);
  });

  it('[MS-ASCMD] 2.2.3.24: what came to it is not written anew or sent as a draft', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    await arrive(server, 'contract');
    const inbox = phone.folder(inboxType);
    await phone.sync(inbox);
    const [id] = phone.withSubject(inbox, 'contract') as [string];
    for (const data of [['Email:Subject', 'forged'], ['Email2:Send']] as const) {
      const doc = await phone.syncOnce(inbox, [changeOf(id, data)]);
      const responses = collectionIn(doc, inbox, 'AirSync:Responses');
      assert.equal(text(responses, 'AirSync:Change', 'AirSync:Status'), '6');
    }
    const client = await imap(server);
    await client.ask('SELECT INBOX');
    assert.match((await client.ask('FETCH 1:* BODY[]')).join('\n'), /Subject: contract/);
    client.close();
  });

  for (const version of versions)
    it(`of version ${version} is away, for a time or until it says otherwise, by the rule that everybody sees`, async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      await phone.setUp();
      const ask = async (...set: readonly Node[]) =>
        (await phone.done('Settings', ['Settings:Settings', ['Settings:Oof', ...set]])) as Node;
      const set = async (state: string, ...more: readonly Node[]) =>
        text(
          await ask(['Settings:Set', ['Settings:OofState', state], ...more]),
          ...['Settings:Oof', 'Settings:Status'],
        );
      const said = (words: string, kind: string): Node => [
        'Settings:OofMessage',
        ['Settings:AppliesToInternal'],
        ['Settings:Enabled', '1'],
        ['Settings:ReplyMessage', words],
        ['Settings:BodyType', kind],
      ];
      const vacation = async () =>
        (await server.server.operations.accountRules({ address: ann })).vacation;
      const shown = async () =>
        at(
          await ask(['Settings:Get', ['Settings:BodyType', 'Text']]),
          ...['Settings:Oof', 'Settings:Get'],
        );
      assert.equal(await set('1'), '2', 'there is nothing to say');
      assert.equal(await set('1', said('I am away.', 'Text')), '1');
      assert.equal((await vacation())?.text, 'I am away.');
      assert.equal(text(await shown(), 'Settings:OofState'), '1');
      const [from, until] = ['2026-01-02T00:00:00.000Z', '2026-01-09T00:00:00.000Z'];
      const between: readonly Node[] = [
        ['Settings:StartTime', from],
        ['Settings:EndTime', until],
      ];
      assert.equal(await set('2', ...between, said('<p>Back &amp; <b>soon</b></p>', 'HTML')), '1');
      const timed = (await vacation())!;
      assert.deepEqual([timed.text, timed.from, timed.until], ['Back & soon', from, until]);
      const told = await shown();
      assert.deepEqual(
        (['OofState', 'StartTime', 'EndTime'] as const).map((name) =>
          text(told, `Settings:${name}`),
        ),
        ['2', from, until],
      );
      assert.deepEqual(
        childrenOf(told, 'Settings:OofMessage').map((each) => text(each, 'Settings:ReplyMessage')),
        ['Back & soon', 'Back & soon', 'Back & soon'],
      );
      const backwards = [
        ['Settings:StartTime', until],
        ['Settings:EndTime', from],
      ] as const;
      assert.equal(await set('2', ...backwards, said('x', 'Text')), '2');
      assert.equal(await set('0'), '1');
      assert.equal(await vacation(), undefined);
      assert.equal(text(await shown(), 'Settings:OofState'), '0');
      const user = await phone.done('Settings', [
        'Settings:Settings',
        ['Settings:UserInformation', ['Settings:Get']],
        [
          'Settings:DeviceInformation',
          ['Settings:Set', ['Settings:Model', 'M1'], ['Settings:FriendlyName', 'Of Ann']],
        ],
      ]);
      const accounts = version === '12.1' || version === '14.0' ? [] : ['Accounts', 'Account'];
      assert.equal(
        text(
          user,
          ...['UserInformation', 'Get', ...accounts, 'EmailAddresses', 'SMTPAddress'].map(
            (name) => `Settings:${name}`,
          ),
        ),
        ann,
      );
      const [device] = await Array.fromAsync(server.server.operations.deviceList({}));
      assert.deepEqual(device!.facts, { Model: 'M1', FriendlyName: 'Of Ann' });
    });

  it('gives up what is too old for it, and gets it back when it wants all', async () => {
    await using server = await start();
    const phone = phoneOf(server, '14.1');
    await phone.setUp();
    await arrive(server, 'today');
    const client = await imap(server);
    const octets = 'Subject: last week\r\n\r\nOld.\r\n';
    await client.ask(`APPEND INBOX "20-Dec-2025 00:00:00 +0000" {${octets.length}+}\r\n${octets}`);
    const inbox = phone.folder(inboxType);
    const wanting = async (filter: string, ...subjects: readonly string[]) => {
      phone.syncOptions = [['AirSync:FilterType', filter]];
      await phone.sync(inbox, 1);
      await phone.sync(inbox, 1);
      assert.deepEqual(
        [...phone.in(inbox).values()].map(({ subject }) => subject).sort(),
        subjects,
      );
    };
    await wanting('1', 'today');
    await wanting('0', 'last week', 'today');
    await wanting('3', 'today');
    await wanting('5', 'last week', 'today');
    await client.ask('SELECT INBOX');
    await client.ask('STORE 1 +FLAGS (\\Deleted)');
    await wanting('5', 'last week');
    await client.ask('STORE 1 -FLAGS (\\Deleted)');
    await wanting('5', 'last week', 'today');
    client.close();
  });

  for (const [version, wholeDevice, tag] of [
    ['16.1', false, 'Provision:AccountOnlyRemoteWipe'],
    ...versions.slice(0, 4).map((each) => [each, true, 'Provision:RemoteWipe'] as const),
  ] as const)
    it(`of version ${version} is listed, blocked, wiped by an explicit word, and removed`, async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      await phone.setUp();
      const { operations } = server.server;
      const device = { account: ann, device: 'phone1' };
      const state = async () => (await Array.fromAsync(operations.deviceList({})))[0]?.state;
      assert.equal(await state(), 'ready');
      await operations.deviceBlock(device);
      const asked: Node = ['FolderHierarchy:FolderSync', ['FolderHierarchy:SyncKey', '0']];
      assert.equal((await phone.ask('FolderSync', asked)).status, 403);
      await operations.deviceBlock({ ...device, blocked: false });
      if (wholeDevice) await assert.rejects(operations.deviceWipe(device), /wholeDevice/);
      await operations.deviceWipe({ ...device, wholeDevice });
      assert.equal(await state(), 'wiping');
      // Blocked beside that, it is told all the same: it has the mail until it is.
      await operations.deviceBlock(device);
      const told = await phone.ask('FolderSync', asked);
      if (version === '12.1') assert.equal(told.status, 449);
      else assert.equal(text(told.doc, 'FolderHierarchy:Status'), '140');
      assert.ok(at(await phone.done('Provision', ['Provision:Provision']), tag));
      const failed: Node = ['Provision:Provision', [tag, ['Provision:Status', '2']]];
      assert.ok(at(await phone.done('Provision', failed), tag), 'it has not: it is told again');
      assert.equal(await state(), 'wiping');
      await phone.done('Provision', ['Provision:Provision', [tag, ['Provision:Status', '1']]]);
      assert.equal(await state(), 'wiped');
      assert.equal((await phone.ask('FolderSync', asked)).status, 403);
      await operations.deviceRemove(device);
      assert.equal(await state(), undefined);
      phone.policyKey = '0';
      phone.folderKey = '0';
      await phone.setUp();
      await phone.sync(phone.folder(inboxType));
    });

  for (const version of versions)
    it(`of version ${version} with another password, and one that does not take the policies, which is slowed`, async () => {
      await using server = await start();
      const phone = phoneOf(server, version);
      await phone.setUp();
      const app = await server.server.operations.appPasswordAdd({ account: ann, name: 'phone' });
      await server.server.operations.accountPassword({ address: ann, password: 'another secret' });
      assert.equal((await during(server, phone.ask('Ping'))).status, 401);
      phone.password = app;
      await during(server, phone.folderSync());
      phone.policyKey = '7';
      const asked: Node = ['FolderHierarchy:FolderSync', ['FolderHierarchy:SyncKey', '0']];
      const before = server.clock.now();
      for (let times = 0; times < 8; times += 1) {
        const told = await during(server, phone.ask('FolderSync', asked));
        if (version === '12.1') assert.equal(told.status, 449);
        else assert.equal(text(told.doc, 'FolderHierarchy:Status'), '142');
      }
      assert.ok(server.clock.now() - before >= 6_000, 'it waits longer each time');
    });

  it('[MS-ASCMD] 2.2.1.15, 2.2.1.22, 2.2.1.11: is told what cannot be said of certificates and meetings', async () => {
    await using server = await start();
    const phone = phoneOf(server, '14.1');
    await phone.setUp();
    const people = await phone.done('ResolveRecipients', [
      'ResolveRecipients:ResolveRecipients',
      ['ResolveRecipients:To', 'bob'],
      ['ResolveRecipients:To', 'nobody here'],
    ]);
    const [found, none] = childrenOf(people, 'ResolveRecipients:Response');
    const recipient = at(found, 'ResolveRecipients:Recipient');
    assert.equal(text(recipient, 'ResolveRecipients:EmailAddress'), bob);
    assert.equal(text(none, 'ResolveRecipients:Status'), '4');
    const certificates = await phone.done('ValidateCert', [
      'ValidateCert:ValidateCert',
      ['ValidateCert:Certificates', ['ValidateCert:Certificate', 'AAAA']],
    ]);
    assert.equal(text(certificates, 'ValidateCert:Certificate', 'ValidateCert:Status'), '17');
    const meeting = await phone.done('MeetingResponse', [
      'MeetingResponse:MeetingResponse',
      [
        'MeetingResponse:Request',
        ['MeetingResponse:UserResponse', '1'],
        ['MeetingResponse:RequestId', '1:1'],
      ],
    ]);
    assert.equal(text(meeting, 'MeetingResponse:Result', 'MeetingResponse:Status'), '2');
  });

  it('is not harmed by requests that are too large, too deep, or half sent', async () => {
    await using server = await start({ limits: { messageSize: '64KiB' } });
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const head = `POST /Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=phone1&DeviceType=T HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}\r\nMS-ASProtocolVersion: 16.1\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n`;
    const first = async (rest: string | Buffer): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(urlOf(server)).port) });
      socket.on('error', () => {});
      socket.write(head);
      socket.write(rest);
      const [octets] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return octets.toString('latin1').split('\r\n', 1)[0]!;
    };
    assert.match(await first(`Content-Length: ${100 * 2 ** 20}\r\n\r\n`), / 413 /);
    const deep = Buffer.concat([Buffer.of(3, 1, 0x6a, 0), Buffer.alloc(100_000, 0x45)]);
    assert.match(
      await first(Buffer.concat([Buffer.from(`Content-Length: ${deep.length}\r\n\r\n`), deep])),
      / 400 /,
    );
    const half = connect({ host: '127.0.0.1', port: Number(new URL(urlOf(server)).port) });
    half.write(`${head}Content-Length: 50\r\n\r\nhalf`);
    await once(half, 'connect');
    half.destroy();
    await phone.sync(phone.folder(inboxType));
  });

  it('is answered what is right when its requests are wrong', async () => {
    await using server = await start();
    const phone = phoneOf(server, '16.1');
    await phone.setUp();
    const raw = async (
      body: Buffer,
      query = 'Cmd=Sync&DeviceId=phone1&DeviceType=T',
      more = {},
    ) => {
      const answer = await fetch(`${urlOf(server)}/Microsoft-Server-ActiveSync?${query}`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`,
          'content-type': 'application/vnd.ms-sync.wbxml',
          'ms-asprotocolversion': '16.1',
          'x-ms-policykey': phone.policyKey,
          ...more,
        },
        body: new Uint8Array(body),
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    assert.equal(await raw(Buffer.from('nonsense')), 400);
    assert.equal(await raw(Buffer.from(''), 'Cmd=Nothing&DeviceId=a&DeviceType=b'), 501);
    assert.equal(await raw(Buffer.from(''), 'Cmd=Sync&DeviceId=&DeviceType=b'), 400);
    assert.equal(await raw(Buffer.from(''), 'AAAA'), 400);
    assert.equal(await raw(Buffer.from(''), undefined, { 'ms-asprotocolversion': '2.5' }), 505);
    assert.equal(await raw(write(['Ping:Ping']), undefined, { 'content-encoding': 'gzip' }), 415);
    const status = async (command: string, doc: Node | undefined, ...path: string[]) =>
      text((await phone.ask(command, doc)).doc, ...path);
    assert.equal(await status('Sync', undefined, 'AirSync:Status'), '13');
    assert.equal(await status('Sync', ['Ping:Ping'], 'AirSync:Status'), '4');
    assert.equal(await status('Ping', undefined, 'Ping:Status'), '3');
    const short: Node = [
      'Ping:Ping',
      ['Ping:HeartbeatInterval', '5'],
      ['Ping:Folders', ['Ping:Folder', ['Ping:Id', '1']]],
    ];
    assert.equal(await status('Ping', short, 'Ping:Status'), '5');
    for (const [asked, wait, limit] of [
      ['HeartbeatInterval', '5', '60'],
      ['HeartbeatInterval', '9999', '3540'],
      ['Wait', '60', '59'],
    ] as const) {
      const doc = phone.request(phone.folder(inboxType), [], [[`AirSync:${asked}`, wait]]);
      const answer = (await phone.ask('Sync', doc)).doc;
      assert.equal(text(answer, 'AirSync:Status'), '14');
      assert.equal(text(answer, 'AirSync:Limit'), limit, `in the unit of ${asked}`);
    }
    const gone = phone.request('99999');
    assert.equal(
      text(collectionIn((await phone.ask('Sync', gone)).doc, '99999'), 'AirSync:Status'),
      '8',
    );
    const [, ...others] = [...phone.folders.values()];
    assert.ok(others.length > 0);
    const bobs = phoneOf(server, '16.1', bob);
    await bobs.setUp();
    const stranger = await phone.ask('Sync', phone.request(bobs.folder(inboxType)));
    assert.equal(text(collectionIn(stranger.doc, bobs.folder(inboxType)), 'AirSync:Status'), '8');
  });
});
