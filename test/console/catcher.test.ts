// The catcher in a browser, where its page does more than show: files that are dropped on it, an import that is stopped, a
// message that goes to a real address.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import nodemailer from 'nodemailer';
import type { Browser, Page } from 'playwright-core';
import { buildConsole } from '../../scripts/build-console.ts';
import { silentLog } from '../../src/base/log.ts';
import type { RunningServer } from '../../src/compose/running-server.ts';
import { startServer } from '../../src/compose/server.ts';
import { devConfig } from '../../src/config/dev.ts';
import { SmtpServer } from '../../src/embed/smtp-server.ts';
import { without } from '../interop/peers.ts';
import { assertAccessible, startBrowser, visitor } from './browser.ts';

const skip = without('usr/bin/chromium');
const home = mkdtempSync(join(tmpdir(), 'postrider-catcher-'));
after(() => rmSync(home, { recursive: true, force: true }));

describe('the catcher in a browser', { skip }, () => {
  let browser: Browser;
  let hop: SmtpServer;
  let server: RunningServer;
  const left: { readonly to: string; readonly content: string }[] = [];
  const portOf = (service: string) => server.listeners.find((one) => one.service === service)!.port;
  const inboxOf = (address: string) =>
    `http://127.0.0.1:${portOf('http')}/inbox?address=${encodeURIComponent(address)}`;
  before(async () => {
    await buildConsole();
    hop = await new SmtpServer({
      onMessage: async (message) => {
        left.push({ to: String(message.to), content: (await message.raw()).toString() });
        return undefined;
      },
    }).listen();
    const relay = { host: '127.0.0.1', port: hop.port, tls: 'none' } as const;
    const config = devConfig(home, { freePorts: true, dataDirectory: home, catcher: { relay } });
    server = await startServer({ config, log: silentLog });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop({ graceMs: 0 });
    await hop?.close();
  });

  it('takes EML and mbox files that are dropped on its list, and says where they would go', async () => {
    const { page, context, problems } = await visitor(browser);
    await page.goto(inboxOf('dropped@example.org'));
    const files = await drag(page, [
      ['one.eml', `Subject: dropped alone\r\n\r\nx\r\n`],
      ['two.mbox', mboxOf(2)],
    ]);
    await page.dispatchEvent('.drop', 'dragover', { dataTransfer: files });
    await page.getByText('Drop EML or mbox files to put them into dropped@example.org').waitFor();
    await assertAccessible(page, 'files over the list');
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: files });
    await page.getByText('3 messages imported').waitFor();
    await page.getByText('3 messages, 3 unread').waitFor();
    for (const subject of ['dropped alone', 'in a box 0', 'in a box 1'])
      await page.getByRole('link', { name: new RegExp(subject) }).waitFor();
    assert.equal(await page.getByText('Drop EML or mbox files').count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it('stops a long import where it is asked to, and says how far it came', async () => {
    const { page, context, problems } = await visitor(browser);
    const second = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    let pieces = 0;
    await page.route('**/mailImport?*', async (route) => {
      pieces += 1;
      if (pieces === 2) {
        second.resolve();
        await stopped.promise;
      }
      await route.continue();
    });
    await page.goto(inboxOf('stopped@example.org'));
    const mbox = Buffer.from(mboxOf(40, 100_000));
    const file = { name: 'long.mbox', mimeType: 'application/mbox', buffer: mbox };
    await page.locator('input[type=file]').setInputFiles(file);
    await second.promise;
    const progress = page.getByRole('progressbar', { name: 'Import' });
    const sent = Number(
      await progress.evaluate((bar) => (bar as unknown as { position: number }).position),
    );
    assert.ok(sent > 0 && sent < 1, `${sent} of it is told`);
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    stopped.resolve();
    const [said] = /\d+/.exec((await page.getByText(/^Stopped: /).textContent()) ?? '') ?? [];
    assert.ok(Number(said) > 0 && Number(said) < 40, `${said} came in`);
    assert.equal(pieces, 2);
    await page.getByText(`${said} messages, ${said} unread`).waitFor();
    await progress.waitFor({ state: 'detached' });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it('releases a message to a real address by the relay it was told of, as it came', async () => {
    const transport = { host: '127.0.0.1', port: portOf('smtp'), ignoreTLS: true };
    await nodemailer.createTransport(transport).sendMail({
      ...{ from: 'shop@example.com', to: 'ann@example.org', bcc: 'boss@example.org' },
      ...{ subject: 'For real', text: 'As it came.' },
    });
    const { page, context, problems } = await visitor(browser);
    await page.goto(inboxOf('ann@example.org'));
    await page.getByRole('link', { name: /For real/ }).click();
    await page.getByRole('button', { name: 'Release' }).click();
    const dialog = page.getByRole('dialog', { name: 'Release to a real address' });
    await dialog.getByText(`It goes out by 127.0.0.1:${hop.port}`).waitFor();
    assert.equal(await dialog.getByLabel('To').inputValue(), 'ann@example.org');
    await assertAccessible(page, 'a release');
    await dialog.getByLabel('To').fill('nobody');
    await dialog.getByRole('button', { name: 'Release' }).click();
    await dialog.getByRole('status').getByText('nobody').waitFor();
    assert.equal(left.length, 0);
    await dialog.getByLabel('To').fill('real@far.example, two@far.example');
    await dialog.getByRole('button', { name: 'Release' }).click();
    await page.getByText('Released to real@far.example, two@far.example').waitFor();
    assert.match(left[0]!.content, /^Subject: For real\r$/m);
    assert.match(left[0]!.content, /\r\n\r\nAs it came\./);
    assert.doesNotMatch(left[0]!.content, /^Bcc:/im);
    assert.deepEqual(
      left.map(({ to }) => to),
      ['real@far.example,two@far.example'],
    );
    assert.deepEqual(problems, []);
    await context.close();
  });
});

const mboxOf = (count: number, octets = 1): string =>
  Array.from(
    { length: count },
    (_, n) =>
      `From x\r\nSubject: in a box ${n}\r\n\r\n${`${'y'.repeat(70)}\r\n`.repeat(octets / 72 + 1)}\r\n`,
  ).join('');

/** What a drag from a file manager carries. */
const drag = (page: Page, files: readonly (readonly [name: string, content: string])[]) =>
  page.evaluateHandle(`((transfer) => {
    for (const [name, content] of ${JSON.stringify(files)}) transfer.items.add(new File([content], name));
    return transfer;
  })(new DataTransfer())`);
