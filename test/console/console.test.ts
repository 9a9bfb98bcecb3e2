// The console in a browser, as it is used: a developer looks at a caught message, an operator finds out why one was deferred,
// mends it and sees it leave. Hostile mail runs nothing; every page is one for everybody.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import nodemailer from 'nodemailer';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildConsole } from '../../scripts/build-console.ts';
import { silentLog } from '../../src/base/log.ts';
import type { RunningServer } from '../../src/compose/running-server.ts';
import { startServer } from '../../src/compose/server.ts';
import { devConfig } from '../../src/config/dev.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { SmtpServer } from '../../src/embed/smtp-server.ts';
import { reply } from '../../src/smtp/reply.ts';
import { Phone } from '../activesync/phone.ts';
import { without } from '../interop/peers.ts';
import { assertAccessible, startBrowser, visitor } from './browser.ts';

const skip = without('usr/bin/chromium');
const home = mkdtempSync(join(tmpdir(), 'postrider-console-'));
after(() => rmSync(home, { recursive: true, force: true }));

const portOf = ({ listeners }: RunningServer, service: string) =>
  listeners.find((one) => one.service === service)!.port;
const urlOf = (server: RunningServer) => `http://127.0.0.1:${portOf(server, 'http')}`;
const transportTo = (server: RunningServer) =>
  nodemailer.createTransport({ host: '127.0.0.1', port: portOf(server, 'smtp'), ignoreTLS: true });

describe('the console in a browser', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildConsole();
    browser = await startBrowser();
  });
  after(() => browser?.close());

  describe('of a developer', () => {
    let server: RunningServer;
    before(async () => {
      const dataDirectory = join(home, 'dev');
      const config = devConfig(home, { freePorts: true, dataDirectory });
      server = await startServer({ config, log: silentLog });
    });
    after(() => server?.stop({ graceMs: 0 }));

    it('says what to do while there is no mail, and shows what is caught as it comes', async () => {
      const { page, context, problems } = await visitor(browser);
      await page.goto(urlOf(server));
      await page.getByRole('heading', { name: 'No mail yet' }).waitFor();
      await assertAccessible(page, 'the empty inbox');
      await transportTo(server).sendMail(order);
      await page.getByRole('link', { name: /Your order/ }).click();
      await page.getByRole('heading', { name: 'Your order #7' }).waitFor();
      const frame = page.frameLocator('iframe.mail-frame');
      await frame.getByText('It is on its way').waitFor();
      assert.equal(await frame.locator('img').evaluate((image) => image.clientWidth), 30);
      await assertAccessible(page, 'a message');
      await page.getByRole('tab', { name: 'Text' }).click();
      await page.getByRole('link', { name: 'https://shop.example/7', exact: true }).waitFor();
      await page.getByRole('tab', { name: 'Headers' }).click();
      await page.getByRole('cell', { name: 'Your order #7' }).waitFor();
      await page.getByRole('tab', { name: 'Structure' }).click();
      await page.getByText('image/png').waitFor();
      await page.getByRole('tab', { name: 'Source' }).click();
      await page.getByText('Subject: Your order #7').waitFor();
      const download = page.waitForEvent('download');
      await page.getByRole('link', { name: /bill\.pdf/ }).click();
      assert.equal((await download).suggestedFilename(), 'bill.pdf');
      assert.deepEqual(problems, []);
      await context.close();
    });

    it('says how a message will fare, tags it, takes mail from files, tells how programs read it', async () => {
      const { page, context, problems } = await visitor(browser);
      await transportTo(server).sendMail({
        ...{ from: 'shop@example.com', to: 'fare@example.org', subject: 'How will it fare?' },
        headers: { 'X-Tags': 'two words' },
        html: '<p style="display:grid">x</p><video></video><a href="http://127.0.0.1:9/">x</a>',
      });
      await page.goto(`${urlOf(server)}/inbox?address=fare%40example.org`);
      await page.getByRole('link', { name: /How will it fare/ }).click();
      await page.getByRole('tab', { name: 'Compatibility' }).click();
      await page.getByText('display:grid', { exact: true }).click();
      await page.locator('details[open]').getByText('What is known of it').waitFor();
      const bar = (await page.locator('.features .shares svg').first().boundingBox())!;
      assert.ok(bar.width > 5 * bar.height, 'how many show it is a bar from left to right');
      await assertAccessible(page, 'what clients show');
      await page.getByLabel('Whose clients').selectOption({ value: 'thunderbird' });
      await page.getByText('display:grid', { exact: true }).waitFor({ state: 'detached' });
      await page.getByRole('tab', { name: 'Links' }).click();
      await page.getByRole('button', { name: 'Check the links' }).click();
      await page.getByText('a private address is not asked').waitFor();
      await assertAccessible(page, 'links that were checked');
      await page.getByRole('tab', { name: 'Spam' }).click();
      await page.getByText('There is no rspamd to ask').waitFor();
      await page.getByRole('button', { name: 'Add a tag' }).click();
      await page.locator('input[name=tag]').fill('seen by us');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByRole('button', { name: 'Take off the tag two words' }).click();
      await page.getByRole('button', { name: /^seen by us 1$/ }).click();
      await page.getByText('1 message, 0 unread').waitFor();
      await page.getByRole('button', { name: /^two words/ }).waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Release' }).click();
      await page.getByText('--relay smtp.example.com:587').waitFor();
      await assertAccessible(page, 'a release that is not possible');
      await page.getByRole('button', { name: 'Close' }).click();
      await page.getByRole('button', { name: /How programs read/ }).click();
      await page.getByText('in the clear').first().waitFor();
      await assertAccessible(page, 'how programs read it');
      await page.getByRole('button', { name: 'Close' }).click();
      const one = (n: number) =>
        `From x\r\nSubject: from a file ${n}\r\n\r\n${'y'.repeat(5000)}\r\n\r\n`;
      const mbox = Array.from({ length: 500 }, (_, n) => one(n)).join('');
      await page.locator('input[type=file]').setInputFiles({
        ...{ name: 'old.mbox', mimeType: 'application/mbox', buffer: Buffer.from(mbox) },
      });
      await page.getByText('500 messages imported').waitFor();
      await page.goto(`${urlOf(server)}/inbox?address=fare%40example.org`);
      await page.getByText(/^501 messages/).waitFor();
      assert.deepEqual(problems, []);
      await context.close();
    });

    it('runs nothing of hostile mail, in lists, fields, names of files and HTML', async () => {
      const script = '<img src=x onerror="top.hacked=1"><script>top.hacked=1</script>';
      await transportTo(server).sendMail({
        from: { name: script, address: 'mallory@evil.test' },
        to: 'victim@example.org',
        subject: `Hostile ${script}`,
        text: script,
        html: `${script}<svg onload="top.hacked=1"></svg><a href="javascript:top.hacked=1" id="lead">here</a>
          <form action="https://evil.test/"><input name="password" autofocus onfocus="top.hacked=1"></form>
          <iframe srcdoc="<script>top.hacked=1</script>"></iframe><base href="https://evil.test/">
          <meta http-equiv="refresh" content="0;url=https://evil.test/"><p>The end</p>`,
        attachments: [
          { filename: `${script}.html`, content: script, contentType: 'text/html' },
          { filename: 'image.svg', content: `<svg>${script}</svg>`, contentType: 'image/svg+xml' },
        ],
      });
      const { page, context, problems } = await visitor(browser);
      const elsewhere: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(urlOf(server))) elsewhere.push(request.url());
      });
      await page.goto(`${urlOf(server)}/inbox?address=victim%40example.org`);
      await page.getByRole('link', { name: /Hostile/ }).click();
      const frame = page.frameLocator('iframe.mail-frame');
      await frame.getByText('The end').waitFor();
      await page.getByText(/Taken out, as mail programs do: .*script/).waitFor();
      assert.equal(await frame.locator('script, form, input, iframe, base, [onload]').count(), 0);
      await frame.locator('#lead').click();
      for (const tab of ['Text', 'Headers', 'Structure', 'Source'])
        await page.getByRole('tab', { name: tab }).click();
      // As it came, with the frame and its policy alone.
      const direct = await page.locator('.attachments a').nth(1).getAttribute('href');
      const raw = (direct ?? '').replace(/part\/.*$/, 'html');
      const alone = await context.newPage();
      await alone.goto(urlOf(server) + raw);
      await alone.getByText('The end').waitFor();
      assert.equal(await hackedIn(alone), undefined);
      assert.equal(await hackedIn(page), undefined);
      assert.deepEqual([elsewhere, problems], [[], []]);
      const answer = await context.request.get(urlOf(server) + direct);
      assert.match(answer.headers()['content-disposition'] ?? '', /^attachment/);
      await context.close();
    });

    it('stays quick while it is fed 10 MiB of nested tables', async () => {
      const html = '<table><tr><td>'.repeat((10 * 2 ** 20) / 15);
      await transportTo(server).sendMail({
        ...order,
        to: 'big@example.org',
        subject: 'Nested',
        html,
      });
      const { page, context } = await visitor(browser);
      await page.goto(`${urlOf(server)}/inbox?address=big%40example.org`);
      await page.getByRole('link', { name: /Nested/ }).click();
      await page.locator('iframe.mail-frame').waitFor();
      // The page answers whatever the frame is at.
      await page.getByRole('tab', { name: 'Text' }).click();
      await page.getByRole('tabpanel').getByText('It is on its way').waitFor();
      await context.close();
    });
  });

  describe('of an operator', () => {
    let server: RunningServer;
    let hop: SmtpServer;
    let isBack = false;
    const taken: string[] = [];
    let storageState: Awaited<ReturnType<BrowserContext['storageState']>> | undefined;
    before(async () => {
      hop = await new SmtpServer({
        onRecipient: () =>
          isBack ? undefined : reply(451, '7.1', `Greylisted, see https://${long}.example/`),
        onMessage: ({ to }) => void taken.push(String(to)),
      }).listen();
      const resolution = resolveConfig(
        {
          hostname: 'mx.example.org',
          dataDirectory: join(home, 'operator'),
          domains: ['example.org'],
          dns: { servers: ['127.0.0.1:9'] },
          trustedNetworks: ['127.0.0.1/32'],
          activeSync: {},
          listeners: [
            { service: 'smtp', host: '127.0.0.1', port: 0 },
            { service: 'http', host: '127.0.0.1', port: 0 },
          ],
          routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
          queue: { retryAfter: ['4h'] },
        },
        home,
      );
      assert.ok(resolution.kind === 'ok');
      server = await startServer({ config: resolution.config, log: silentLog });
    });
    after(async () => {
      await server?.stop({ graceMs: 0 });
      await hop?.close();
    });

    /** By the page, as people do; from then on their browser is known. */
    const login = async (options = {}) => {
      const visiting = await visitor(browser, {
        ...options,
        ...(storageState !== undefined && { storageState }),
      });
      if (storageState !== undefined) return visiting;
      const { page, context } = visiting;
      const password = 'correct horse battery staple';
      await server.operations.administratorAdd({ name: 'ann', password, allows: ['all'] });
      await page.goto(urlOf(server));
      await assertAccessible(page, 'the login');
      await page.getByLabel('Name or address').fill('ann');
      await page.getByLabel('Password').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
      storageState = await context.storageState();
      return visiting;
    };

    it('finds why a message was deferred, mends it and sees it leave', async () => {
      const to = 'carl@far.example';
      await transportTo(server).sendMail({ from: 'shop@example.org', to, subject: 'x', text: 'x' });
      const { page, context, problems } = await login();
      await page.setViewportSize({ width: 375, height: 812 });
      await page.goto(`${urlOf(server)}/queue`);
      await page.getByText('451 4.7.1 Greylisted').waitFor();
      await page.getByRole('checkbox', { name: /^Choose the message/ }).check();
      await page.getByText('1 message chosen').waitFor();
      await page.setViewportSize({ width: 1280, height: 720 });
      await page.getByRole('link', { name: 'shop@example.org' }).click();
      await page.getByRole('heading', { name: /^Deferred/ }).waitFor();
      await page.getByRole('blockquote').getByText('451 4.7.1 Greylisted').waitFor();
      await assertAccessible(page, 'the story of a message');
      isBack = true;
      await page.getByRole('button', { name: 'Retry now' }).click();
      await page.getByText('1 recipient tried again now').waitFor();
      await page.getByRole('heading', { name: /^Handed on/ }).waitFor();
      assert.deepEqual(taken, [to]);
      await page.goto(`${urlOf(server)}/queue`);
      await page.getByRole('heading', { name: 'The queue is empty' }).waitFor();
      assert.deepEqual(problems, []);
      await context.close();
    });

    it('goes anywhere by keyboard', async () => {
      const { page, context } = await login();
      await page.goto(`${urlOf(server)}/queue`);
      await page.getByRole('heading', { name: 'Queue', level: 1 }).waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('a');
      await page.getByRole('heading', { name: 'Accounts', level: 1 }).waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('/');
      await page.keyboard.type('carl@far.example');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/messages?q=carl%40far.example');
      await page.setViewportSize({ width: 360, height: 740 });
      const menu = page.getByRole('button', { name: 'Pages' });
      await menu.press('Enter');
      await page.getByRole('dialog', { name: 'Pages' }).waitFor();
      await page.keyboard.press('Escape');
      assert.equal(await menu.evaluate((one) => one.matches(':focus')), true);
      await menu.press('Enter');
      await page.getByRole('dialog').getByRole('link', { name: 'Queue' }).press('Enter');
      await page.getByRole('heading', { name: 'Queue', level: 1 }).waitFor();
      // There one goes on, and not at the beginning of everything.
      await page.locator('main:focus').waitFor();
      await context.close();
    });

    it('has pages that everybody can use, also on a phone', async () => {
      const { page, context, problems } = await login({ viewport: { width: 360, height: 740 } });
      await server.operations.accountAdd({ address: longAddress, password: `not ${long}` });
      await server.stores.records.put([unnamedComplaint(Date.now())]);
      for (const [path, heading] of pages) {
        await page.goto(urlOf(server) + path);
        await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
        await settled(page);
        await assertAccessible(page, path);
      }
      await page.goto(`${urlOf(server)}/nowhere`);
      await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
      await assertAccessible(page, 'a page that is not there');
      await page.getByRole('link', { name: 'To the overview' }).click();
      await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
      assert.deepEqual(problems, []);
      await context.close();
    });

    it('shows phones with what can be done about each beside it, or under it on a phone', async () => {
      const [user, password] = ['phil@example.org', 'correct horse battery staple'];
      await server.operations.accountAdd({ address: user, password });
      for (const id of ['SEC0123456789ABCDEF0123456789ABCD', 'short'])
        await new Phone({ url: urlOf(server), user, password, version: '16.1', id }).provision();
      await server.operations.deviceBlock({ account: user, device: 'short', blocked: true });
      const { page, context, problems } = await login();
      const row = page.getByRole('listitem').filter({ hasText: 'SEC0123456789ABCDEF' });
      const boxOf = async (name: string) =>
        (await row.getByRole('button', { name }).boundingBox())!;
      for (const width of [1400, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`${urlOf(server)}/accounts/${encodeURIComponent(user)}`);
        await page.getByText('blocked', { exact: true }).waitFor();
        const [block, remove] = [await boxOf('Block'), await boxOf('Remove')];
        assert.ok(remove.x - (block.x + block.width) < 20, 'they stand together');
        const words = (await row.getByText('SEC0123456789ABCDEF').boundingBox())!;
        assert.ok(words.width > 250, 'there is room for the words');
        await assertAccessible(page, 'phones');
      }
      assert.deepEqual(problems, []);
      await context.close();
    });

    it('has an own part for the owner of an account: mail that is read and answered, rules, passwords', async () => {
      const [bob, password] = ['bob@example.org', 'correct horse battery staple'];
      await server.operations.accountAdd({ address: bob, password });
      await transportTo(server).sendMail({ ...order, to: bob });
      const viewport = { width: 360, height: 740 };
      const { page, context, problems } = await visitor(browser, { viewport });
      const link = (name: string) => page.getByRole('link', { name, exact: true }).click();
      await page.goto(urlOf(server));
      await page.getByLabel('Name or address').fill(bob);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in' }).click();
      const line = page.getByRole('link', { name: /Your order #7/ });
      await line.waitFor();
      await assertAccessible(page, 'the own mail');
      await line.click();
      await page.frameLocator('iframe.mail-frame').getByText('It is on its way').waitFor();
      await assertAccessible(page, 'an own message');
      await link('Reply');
      await page.getByRole('heading', { name: 'Reply', level: 1 }).waitFor();
      await page.getByLabel('To', { exact: true }).fill('carl@far.example');
      await assertAccessible(page, 'writing');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('span').getByText('Sent', { exact: true }).waitFor();
      await page.getByTitle('answered').waitFor();
      await link('Rules');
      await page.getByRole('button', { name: 'Add' }).click();
      await page.getByLabel('Name').fill('orders');
      await page.getByLabel('Subject has').fill('order');
      await page.getByLabel('Into the folder').fill('Orders');
      await assertAccessible(page, 'a filter');
      await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
      await page.getByText('subject has “order”: into Orders').waitFor();
      await page.getByLabel(/^Answer/).fill('Back on Monday.');
      await page.getByRole('button', { name: 'Save' }).last().click();
      await page.getByText('Whoever writes is answered').waitFor();
      await assertAccessible(page, 'the rules');
      const rules = await server.operations.accountRules({ address: bob });
      assert.deepEqual([rules.filters[0]?.do.folder, rules.vacation?.days], ['Orders', 7]);
      await link('Passwords');
      await page.getByRole('button', { name: 'Add' }).click();
      await page.getByLabel('Name').fill('phone');
      await page.getByRole('button', { name: 'Make it' }).click();
      await page.getByText('It cannot be shown again').waitFor();
      await assertAccessible(page, 'the passwords');
      await page.getByRole('button', { name: 'Add' }).click();
      await page.getByLabel('Name').fill('phone');
      await page.getByRole('button', { name: 'Make it' }).click();
      // Where it can be read and reached: what is behind a dialog is not.
      const toast = page.getByRole('dialog').locator('.toast');
      await toast.last().getByText('remove it first').waitFor();
      await toast.last().getByRole('button', { name: 'Dismiss' }).click();
      assert.deepEqual(problems, []);
      await context.close();
    });
  });
});

/** Without a place to break it: what others write is like this, and a phone is narrow. */
const long = 'long'.repeat(15);
const longAddress = `${long}@example.org`;

/** Its message has a name, and a subject that is empty. */
const unnamedComplaint = (now: number) => ({
  ...{ kind: 'received-report', key: 'abuse x', expires: now + 86_400_000 },
  value: JSON.stringify({
    ...{ kind: 'abuse', received: new Date(now), by: `${long}/2.0`, verified: true, type: 'abuse' },
    ...{ incidents: 2, domains: ['example.org'], sourceIp: '192.0.2.1', mailFrom: null },
    ...{ arrival: null, failure: null, message: { from: longAddress, subject: '', id: '<1@x>' } },
  }),
});

const pages = [
  ...([
    ['/overview', 'Overview'],
    ['/messages', 'Messages'],
    ['/queue', 'Queue'],
  ] as const),
  ...([
    ['/messages?kind=refused', 'Messages'],
    ['/destinations', 'Destinations'],
  ] as const),
  ...([
    ['/accounts', 'Accounts'],
    [`/accounts/${encodeURIComponent(longAddress)}`, longAddress],
    ['/accounts/nobody%40example.org', 'Account'],
  ] as const),
  ...([
    ['/reports', 'Reports'],
    ['/reports?kind=abuse', 'Reports'],
    ['/health', 'DNS and TLS'],
  ] as const),
  ...([
    ['/log', 'Log'],
    ['/log?show=sessions', 'Sessions'],
    ['/settings', 'Settings'],
  ] as const),
  ...([
    ['/settings/suppressions', 'Settings'],
    ['/settings/webhooks', 'Settings'],
  ] as const),
] as const;

/** Until nothing is waited for any more. */
const settled = (page: Page) => page.locator('main .spinner').first().waitFor({ state: 'hidden' });

const hackedIn = (page: Page) => page.evaluate('globalThis.hacked');

const dot =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==';
const order = {
  from: 'Shop <shop@shop.example>',
  to: 'ann@example.org',
  subject: 'Your order #7',
  text: 'It is on its way.\n\nhttps://shop.example/7\n',
  html: '<p style="color: green">It is on its way.</p><img src="cid:dot" width="30" alt="">',
  attachments: [
    { filename: 'bill.pdf', content: 'PDF', contentType: 'application/pdf' },
    { filename: 'dot.png', cid: 'dot', content: Buffer.from(dot, 'base64') },
  ],
};
