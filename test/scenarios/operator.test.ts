// What an operator, or a program of theirs, sees and does in a running server.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';

let test: TestServer;

before(async () => {
  test = await startTestServer({
    accounts: ['ann@example.org', 'bob@example.org'],
    config: {
      domains: ['example.org'],
      listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
      routes: [{ domain: '*', host: '127.0.0.1', port: 9, tls: 'none' }],
    },
  });
});
after(() => test[Symbol.asyncDispose]());

const note = {
  from: 'Ann <ann@example.org>',
  to: 'bob@example.org',
  subject: 'Grüße',
  text: 'Hello',
};

describe('submit', () => {
  it('hands in a message as parts, by the rules of its account', async () => {
    const { operations } = test.server;
    const sent = await operations.submit({ ...note, cc: ['nobody@example.org'] });
    assert.deepEqual(sent.accepted, ['bob@example.org']);
    assert.match(sent.rejected[0]!.reply, /^550 5\.1\.1/);
    const mail = await test.waitFor(({ subject }) => subject === 'Grüße');
    assert.equal(mail.mailbox, 'bob@example.org');
    await assert.rejects(operations.submit({ ...note, account: 'bob@example.org' }), {
      name: 'OperationError',
      message: /^refused: 553 5\.7\.1/,
    });
    await assert.rejects(
      operations.submit({ ...note, from: 'eve@example.net' }),
      /is no account here/,
    );
  });

  it('the same key sends once, also when both ask at once', async () => {
    const { operations } = test.server;
    const twice = { ...note, subject: 'once', idempotencyKey: 'k' };
    const [one, other] = await Promise.all([operations.submit(twice), operations.submit(twice)]);
    assert.deepEqual(one, other);
    assert.deepEqual(await operations.submit({ ...twice, subject: 'again' }), one);
  });

  it('no field or address smuggles another field in', async () => {
    const { operations } = test.server;
    const evil = 'x\r\nBcc: eve@example.net';
    for (const bad of [{ headers: { [evil]: 'x' } }, { headers: { From: 'x' } }, { to: evil }])
      await assert.rejects(operations.submit({ ...note, ...bad }), { name: 'OperationError' });
    await operations.submit({ ...note, subject: evil, headers: { 'X-Note': evil } });
    const { raw } = await test.waitFor(({ subject }) => subject?.includes('eve') === true);
    assert.doesNotMatch(Buffer.from(raw).toString(), /^Bcc:/im);
  });

  it('what is suppressed is refused', async () => {
    const { operations } = test.server;
    await operations.suppressionAdd({ address: 'bob@example.org', note: 'asked us' });
    await assert.rejects(operations.submit(note), /^OperationError: refused: 550 5\.1\.6/);
    // A busy machine reads what was recorded last a moment later.
    const { refusals } = await eventually(async () => {
      const page = await operations.refusalSearch({ text: 'suppressed' });
      return page.upToDate ? page : undefined;
    }, 'the history to be read');
    assert.deepEqual(refusals[0]?.findings, ['suppression: bob@example.org: manual, asked us']);
    await operations.suppressionRemove({ address: 'bob@example.org' });
  });
});

describe('destinations', () => {
  it('are held, and their mail stays, until they are released', async () => {
    const { operations } = test.server;
    const destination = 'host:127.0.0.1:9#0';
    await operations.destinationHold({ destination });
    const { id } = await operations.submit({ ...note, to: 'x@example.net' });
    await test.advance(60_000);
    const held = await operations.destinationList({});
    const facts = held.destinations.find((one) => one.destination === destination);
    assert.deepEqual([facts?.onHold, facts?.queued, facts?.active], [true, 1, 0]);
    assert.equal((await operations.queueShow({ id })).recipients[0]?.attempts, 0);
    await operations.destinationRelease({ destination });
    await test.advance(1000);
    assert.equal((await operations.queueShow({ id })).recipients[0]?.attempts, 1);
    const found = await eventually(async () => {
      const page = await operations.messageSearch({ state: 'deferred', recipient: '@example.net' });
      return page.upToDate ? page : undefined;
    }, 'the history to be read');
    assert.deepEqual(
      found.messages.map((one) => one.id),
      [id],
    );
    assert.equal(
      await operations.queueCancel({
        filter: { recipient: 'x@example.net' },
        silent: true,
        dryRun: true,
      }),
      1,
    );
    assert.equal(await operations.queueReroute({ ids: [id], to: 'mx:elsewhere.example' }), 1);
    const [line] = (await operations.queueSearch({ text: 'x@' })).messages;
    assert.equal(line?.recipients[0]?.destination, 'MX of elsewhere.example, by hand');
    await assert.rejects(operations.queueReroute({ ids: [id], to: 'nowhere' }), /is no way/);
    assert.equal(await operations.queueCancel({ ids: [id], silent: true }), 1);
  });
});
