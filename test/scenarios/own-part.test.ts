// What owners of accounts see and do in a browser: their own account, and by no path another one.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import '../../src/policy/accounts/test-hashing.ts';
import { startTestServer, type TestServer } from '../../src/testing/index.ts';
import { webClient } from './web-client.ts';

const [ann, bob] = ['ann@example.org', 'bob@example.org'];
const [annsPassword, bobsPassword] = ['correct horse battery', 'quite another staple'];

let server: TestServer;
let web: ReturnType<typeof webClient>;
/** Cookies. */
let [anns, bobs] = ['', ''];

before(async () => {
  server = await startTestServer({
    accounts: [
      { address: ann, password: annsPassword },
      { address: bob, password: bobsPassword },
    ],
    config: {
      domains: ['example.org'],
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port: 0 },
        { service: 'http', host: '127.0.0.1', port: 0 },
      ],
    },
  });
  web = webClient(server);
  anns = (await web.logIn({ name: ann, password: annsPassword })).cookie;
  bobs = (await web.logIn({ name: bob, password: bobsPassword })).cookie;
});
after(() => server[Symbol.asyncDispose]());

const own = async (cookie: string, name: string, body: object = {}) =>
  web.ask(`/postrider/account/v1/${name}`, { cookie, body });

/** What is answered, and is no refusal. */
async function done(cookie: string, name: string, body: object = {}) {
  const { status, json } = await own(cookie, name, body);
  assert.equal(status, 200, `${name}: ${JSON.stringify(json)}`);
  return json;
}

let sent = 0;

/** Sends a message to both, or to one, and gives their ids of it. */
async function mail(to: readonly string[], subject: string): Promise<Map<string, string>> {
  sent += 1;
  const message = `From: eve@far.test\r\nTo: ${to.join(', ')}\r\nSubject: ${subject}\r\nMessage-ID: <own-${sent}@far.test>\r\nReferences: <before@far.test>\r\nContent-Type: text/html\r\n\r\n<b>Hello</b>\r\n`;
  await server.send({ from: 'eve@far.test', to, message });
  await server.advance(0);
  const ids = new Map<string, string>();
  for (const [address, cookie] of [
    [ann, anns],
    [bob, bobs],
  ] as const) {
    const page = await done(cookie, 'mailSearch', { query: `subject:"${subject}"` });
    for (const { id } of page.messages) ids.set(address, id);
  }
  return ids;
}

describe('the own part of an account', () => {
  it('is nobody’s without a session, and no operator’s', async () => {
    for (const path of ['v1/me', 'v1/mailSearch', 'mail/M1/html', 'mail/M1/source'])
      assert.equal((await web.ask(`/postrider/account/${path}`)).status, 401, path);
    await server.server.operations.administratorAdd({
      ...{ name: 'root', password: annsPassword, allows: ['all'] },
    });
    const { cookie } = await web.logIn({ name: 'root', password: annsPassword });
    assert.equal((await web.ask('/postrider/account/v1/me', { cookie })).status, 403);
    const { token } = await server.server.operations.tokenCreate({ name: 't', allows: ['all'] });
    const answer = await fetch(`${web.url}/postrider/account/v1/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 403);
  });

  it('cannot be asked by a page of others, nor be changed by GET', async () => {
    const body = { name: 'phone' };
    const asked = { cookie: anns, body, origin: 'https://evil.test' };
    assert.equal((await web.ask('/postrider/account/v1/appPasswordAdd', asked)).status, 401);
    const got = await web.ask('/postrider/account/v1/appPasswordAdd?name=phone', { cookie: anns });
    assert.equal(got.status, 405);
    assert.deepEqual((await done(anns, 'me')).appPasswords, []);
  });

  it('reads and changes nothing of another account, whatever is asked', async () => {
    const ids = await mail([bob], 'for bob alone');
    const id = ids.get(bob)!;
    assert.ok(id);
    assert.equal(ids.has(ann), false);
    for (const [name, body] of [
      ['mailRead', { id }],
      ['mailFlag', { ids: [id], add: ['seen'] }],
      ['mailTags', { ids: [id], tags: ['x'] }],
      ['mailDelete', { ids: [id] }],
      ['mailMove', { ids: [id], folder: 'Trash' }],
      ['send', { to: ann, subject: 's', text: 't', answers: id }],
      ['send', { to: ann, subject: 's', text: 't', from: bob }],
    ] as const)
      assert.equal((await own(anns, name, body)).status, 400, name);
    for (const path of ['html', 'source', 'part/1'])
      assert.equal(
        (await web.ask(`/postrider/account/mail/${id}/${path}`, { cookie: anns })).status,
        404,
        path,
      );
    // Nor can another account be named, in any operation there is.
    for (const member of ['address', 'account', 'mailbox'])
      for (const name of [
        ...['me', 'appPasswordAdd', 'appPasswordRemove', 'passwordChange', 'rules', 'rulesSet'],
        ...['folders', 'mailSearch', 'mailRead', 'mailFlag', 'mailTags', 'mailMove'],
        ...['mailDelete', 'send'],
      ])
        assert.equal((await own(anns, name, { [member]: bob })).status, 400, `${name} ${member}`);
    assert.equal(
      (await web.ask(`/postrider/mail/${bob}/${id}/html`, { cookie: anns })).status,
      403,
    );
    assert.equal((await web.ask('/postrider/v1/accountList', { cookie: anns })).status, 403);
    const { messages } = await done(bobs, 'mailSearch', { folder: 'INBOX' });
    assert.deepEqual([messages.length, messages[0].seen, messages[0].tags], [1, false, []]);
  });

  it('shows one’s own copy of what others got, too', async () => {
    const ids = await mail([ann, bob], 'for both');
    const { messages } = await done(anns, 'mailSearch', { query: 'subject:"for both"' });
    assert.deepEqual(
      messages.map((one: { places: { mailbox: string }[] }) => one.places.map((p) => p.mailbox)),
      [[ann]],
    );
    const read = await done(anns, 'mailRead', { id: ids.get(ann)! });
    assert.deepEqual([read.subject, read.html], ['for both', true]);
    const frame = await web.ask(`/postrider/account/mail/${ids.get(ann)}/html`, { cookie: anns });
    assert.match(frame.json, /<b>Hello<\/b>/);
    assert.match(frame.headers.get('content-security-policy') ?? '', /^sandbox /);
  });

  it('answers a message: threaded, kept in Sent, the original marked', async () => {
    const id = (await mail([ann], 'question')).get(ann)!;
    const reply = {
      ...{ to: `Bob <${bob}>`, subject: 'Re: question', text: 'Yes: é', answers: id },
      attachments: [{ filename: 'a.txt', content: Buffer.from('file').toString('base64') }],
    };
    const { accepted } = await done(anns, 'send', { ...reply, name: 'Ann' });
    assert.deepEqual(accepted, [bob]);
    await server.advance(0);
    const [found] = (await done(bobs, 'mailSearch', { query: 'subject:"Re: question"' })).messages;
    const got = await done(bobs, 'mailRead', { id: found.id });
    assert.deepEqual(got.from, [{ name: 'Ann', address: ann }]);
    assert.match(got.text, /Yes: é/);
    const header = (name: string) =>
      got.headers.find((one: { name: string }) => one.name === name)?.value;
    assert.equal(header('In-Reply-To'), `<own-${sent}@far.test>`);
    assert.equal(header('References'), `<before@far.test> <own-${sent}@far.test>`);
    assert.equal((await done(anns, 'mailRead', { id })).answered, true);
    const { messages } = await done(anns, 'mailSearch', { folder: 'Sent' });
    assert.deepEqual(
      messages.map((one: { subject: string; seen: boolean }) => [one.subject, one.seen]),
      [['Re: question', true]],
    );
    assert.equal((await own(anns, 'send', { ...reply, to: '' })).status, 400, 'to nobody');
    assert.equal((await own(anns, 'send', { ...reply, to: 'bob' })).status, 400);
  });

  it('deletes into the trash, and there for good', async () => {
    const id = (await mail([ann], 'rubbish')).get(ann)!;
    const where = async () =>
      (await done(anns, 'mailSearch', { query: 'subject:rubbish' })).messages.map(
        (one: { folder: string }) => one.folder,
      );
    assert.equal(await done(anns, 'mailDelete', { ids: [id] }), 1);
    assert.deepEqual(await where(), ['Trash']);
    assert.equal(await done(anns, 'mailMove', { ids: [id], folder: 'INBOX' }), 1);
    assert.deepEqual(await where(), ['INBOX']);
    await done(anns, 'mailDelete', { ids: [id] });
    assert.equal(await done(anns, 'mailDelete', { ids: [id] }), 1);
    assert.deepEqual(await where(), []);
  });

  it('sets rules, which hold, and makes and revokes app passwords', async () => {
    const rules = { filters: [{ name: 'all', when: {}, do: { folder: 'Mine' } }] };
    await done(anns, 'rulesSet', { rules });
    assert.deepEqual((await done(anns, 'rules')).filters[0].do, { folder: 'Mine' });
    assert.deepEqual((await done(bobs, 'rules')).filters, []);
    await mail([ann], 'filtered');
    const folders: { path: string; unread: number }[] = await done(anns, 'folders');
    assert.equal(folders.find(({ path }) => path === 'Mine')?.unread, 1);
    assert.match(await done(anns, 'appPasswordAdd', { name: 'phone' }), /\S{10,}/);
    assert.deepEqual((await done(anns, 'me')).appPasswords, ['phone']);
    await done(anns, 'appPasswordRemove', { name: 'phone' });
    const { operations } = server.server;
    const { entries } = await operations.auditList({ limit: 50 });
    const noted = entries.map(({ who, what }) => `${who}: ${what}`);
    assert.ok(noted.includes(`account ${ann}: own appPasswordAdd`), noted.join('; '));
  });

  it('another password needs the present one, and ends sessions', async () => {
    const password = 'a new one, and longer';
    await server.clock.advance(1);
    await done(bobs, 'passwordChange', { present: bobsPassword, password });
    assert.equal((await own(bobs, 'me')).status, 401);
    const { status, cookie } = await web.logIn({ name: bob, password });
    assert.equal(status, 200);
    const wrong = await own(cookie, 'passwordChange', { present: bobsPassword, password: 'x' });
    assert.deepEqual([wrong.status, /is wrong/.test(wrong.json.error)], [400, true]);
    assert.equal((await own(cookie, 'me')).status, 200);
    const { entries } = await server.server.operations.auditList({ limit: 50 });
    const inputs = entries.filter(({ what }) => what === 'own passwordChange');
    assert.ok(inputs.length >= 2);
    assert.ok(!JSON.stringify(inputs).includes(bobsPassword));
  });
});
