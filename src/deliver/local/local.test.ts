import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { createAddressMap } from '../../policy/addresses/address-map.ts';
import type { Deliver, RecipientResult } from '../../queue/delivery.ts';
import { replyText } from '../../queue/reply-text.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { type Content, ContentError, inlineBytesMax } from '../../store/content.ts';
import { MemorySpool } from '../../store/files/memory-spool.ts';
import type { AppendEffect, Lease } from '../../store/queue-store.ts';
import { createDelivery } from '../dispatch.ts';
import { createRouter } from '../route.ts';
import { createLocalDelivery } from './local.ts';

const clock = new FakeClock();
const accounts = new Set(['ann@example.org', 'bob@example.org']);
const addressMap = createAddressMap({
  accounts: {
    find: async (address) =>
      accounts.has(address) ? { address, addresses: [address], created: 0 } : undefined,
    list: async () => [],
  },
  domains: ['example.org'],
  relayDomains: [],
  aliases: new Map(),
  recipientDelimiter: '+',
  log: silentLog,
});
const spool = new MemorySpool();
const deliver = createLocalDelivery({ addressMap, clock, spool });
const { signal } = new AbortController();

const binaryPart = (encoding: string, body: string) =>
  `MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;

const inline = (text: string): Content => {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    bytes,
    read: async function* read() {
      yield bytes;
    },
  };
};
/** As large content is: only to be read. */
const streamed = (text: string): Content => ({ ...inline(text), bytes: undefined });

function lease(recipients: readonly string[], content: Content, destination = 'local'): Lease {
  return {
    message: {
      id: 'id1',
      received: 0,
      sender: 'sender@example.net',
      params: [],
      prefix: 'Received: from a by b\r\n',
      content,
      origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
    },
    destination,
    recipients: recipients.map((address, index) => ({
      address,
      params: [],
      delivery: 'local',
      destination,
      index,
      attempt: 1,
      fence: 1,
      warned: false,
    })),
    expires: 0,
  };
}

/** The one effect that there is. */
function appended(result: RecipientResult | undefined): AppendEffect {
  assert(result?.kind === 'delivered' && result.effects?.length === 1);
  const [effect] = result.effects;
  assert(effect?.kind === 'append');
  return effect;
}

describe('createLocalDelivery', () => {
  it('RFC 5321 §4.4: puts Return-Path first, shares the content, and appends with settling', async () => {
    const { recipients, health } = await deliver(
      lease(['Ann+lists@Example.org'], inline('Subject: x\r\n\r\n')),
      signal,
    );
    assert.equal(health, 'ok');
    const [result] = recipients;
    assert.deepEqual(appended(result), {
      kind: 'append',
      account: 'ann@example.org',
      folder: 'INBOX',
      content: { kind: 'queued', id: 'id1' },
      prefix:
        'Return-Path: <sender@example.net>\r\nDelivered-To: Ann+lists@Example.org\r\n' +
        'Received: from a by b\r\n',
      flags: [],
      received: clock.now(),
    });
  });

  it('RFC 3516 §6: what came by BINARYMIME is kept as lines, for POP3 and BODY[]', async () => {
    const contentOf = async (text: string, params: readonly string[]) => {
      const { message, ...rest } = lease(['ann@example.org'], inline(text));
      const binary = { ...rest, message: { ...message, params } };
      const [result] = (await deliver(binary, signal)).recipients;
      const { content } = appended(result);
      assert(content.kind !== 'file');
      return content.kind === 'inline' ? Buffer.from(content.bytes).toString('latin1') : content;
    };
    const binary = binaryPart('binary', 'a\0b\nc');
    assert.equal(
      await contentOf(binary, ['body=BinaryMIME']),
      binaryPart('base64', 'YQBiCmM=\r\n'),
    );
    const queued = { kind: 'queued', id: 'id1' };
    assert.deepEqual(await contentOf(binary.replace('\0', ''), ['BODY=8BITMIME']), queued);
    assert.equal(
      await contentOf(binary, []),
      binaryPart('base64', 'YQBiCmM=\r\n'),
      'a NUL in lines',
    );
    assert.deepEqual(await contentOf('a: b\r\n\r\nc\r\n', ['BODY=BINARYMIME']), queued);
  });

  for (const [kind, content] of [
    ['inline', inline],
    ['streamed', streamed],
  ] as const)
    it(`RFC 5321 §4.4: a Return-Path that came along goes, one copy for all: ${kind} content`, async () => {
      const given =
        'return-path:\r\n <x@y>\r\nSubject: x\r\nReturn-Path: z\r\n\r\nReturn-Path: b\r\n';
      const { recipients } = await deliver(
        lease(['ann@example.org', 'bob@example.org'], content(given)),
        signal,
      );
      const kept = recipients.map((one) => {
        const { content } = appended(one);
        assert(content.kind === 'inline');
        return content;
      });
      assert.equal(String(kept[0]?.bytes), 'Subject: x\r\n\r\nReturn-Path: b\r\n');
      assert.equal(kept[0], kept[1]);
    });

  it('RFC 5321 §4.4: a Return-Path goes from binary content, too', async () => {
    const text = `Return-Path: <x@y>\r\n${binaryPart('binary', 'a\0b\nc')}`;
    const [result] = (await deliver(lease(['ann@example.org'], inline(text)), signal)).recipients;
    const { content } = appended(result);
    assert(content.kind === 'inline');
    assert.equal(String(content.bytes), binaryPart('base64', 'YQBiCmM=\r\n'));
  });

  describe('with a quota', () => {
    const quota = { bytes: 1_000, messages: 10 };
    /** Says `has` to whoever asks for room. */
    async function ask(has: boolean, text: string, room?: string) {
      const asked: unknown[] = [];
      const limited = createLocalDelivery({
        ...{ addressMap, clock, spool },
        quota: () => quota,
        queue: {
          takeRoom: async (id, index, need) => {
            asked.push([id, index, need]);
            return has;
          },
        },
      });
      const { recipients, ...rest } = lease(['ann@example.org'], inline(text));
      const roomy = recipients.map((one) => ({ ...one, ...(room !== undefined && { room }) }));
      const [result] = (await limited({ ...rest, recipients: roomy }, signal)).recipients;
      const { code, detail } = result!.reply;
      return { asked, result: `${result?.kind} ${code} ${detail}` };
    }

    it('who has room by now is not asked again', async () => {
      const { asked, result } = await ask(false, 'a: b\r\n\r\n', 'ann@example.org');
      assert.deepEqual([asked, result], [[], 'delivered 250 0.0']);
    });

    it('RFC 3463 §3.3: who has none takes it for what will be stored, or waits', async () => {
      const { asked, result } = await ask(true, 'Return-Path: <x@y>\r\na: b\r\n\r\n');
      const prefix =
        'Return-Path: <sender@example.net>\r\nDelivered-To: ann@example.org\r\nReceived: from a by b\r\n';
      const bytes = prefix.length + 'a: b\r\n\r\n'.length;
      assert.deepEqual(asked, [['id1', 0, { account: 'ann@example.org', bytes, quota }]]);
      assert.equal(result, 'delivered 250 0.0');
      assert.equal((await ask(false, '\r\n')).result, 'deferred 452 2.2');
      assert.equal((await ask(false, '\r\n', 'bob@example.org')).result, 'deferred 452 2.2');
    });

    it('leaves no copy behind for who has to wait, nor where the store fails', async () => {
      const removed: string[] = [];
      const files: Pick<MemorySpool, 'create' | 'remove'> = {
        create: () => spool.create(),
        remove: async (key) => void removed.push(key),
      };
      const text = `Return-Path: <x@y>\r\n\r\n${'x'.repeat(inlineBytesMax)}`;
      const sent = async (has: boolean | Error) => {
        const limited = createLocalDelivery({
          ...{ addressMap, clock, spool: files },
          quota: () => ({ bytes: 10 * inlineBytesMax, messages: 10 }),
          queue: {
            async takeRoom() {
              if (has instanceof Error) throw has;
              return has;
            },
          },
        });
        const [result] = (await limited(lease(['ann@example.org'], inline(text)), signal))
          .recipients;
        return result?.kind;
      };
      assert.deepEqual([await sent(true), removed.length], ['delivered', 0]);
      assert.deepEqual([await sent(false), removed.length], ['deferred', 1]);
      await assert.rejects(sent(new StorageError('gone')), StorageError);
      assert.equal(removed.length, 2);
    });

    it('what never fits is not waited for', async () => {
      assert.equal((await ask(true, `\r\n${'x'.repeat(1_000)}`)).result, 'failed 552 2.2');
    });
  });

  it('an account that was removed since fails alone, with 550 5.1.1', async () => {
    const { recipients } = await deliver(
      lease(['gone@example.org', 'bob@example.org'], inline('\r\n')),
      signal,
    );
    assert.deepEqual(
      recipients.map(({ kind }) => kind),
      ['failed', 'delivered'],
    );
    assert.equal(recipients[0]?.reply.detail, '1.1');
  });

  for (const [kind, content] of [
    ['inline', inline],
    ['streamed', streamed],
  ] as const)
    it(`ends loops by Delivered-To: ${kind} content`, async () => {
      const text =
        'Subject: x\r\nDELIVERED-TO:  Ann@example.ORG \r\n\r\nDelivered-To: bob@example.org\r\n';
      const { recipients } = await deliver(
        lease(['ann@example.org', 'bob@example.org'], content(text)),
        signal,
      );
      assert.deepEqual(
        recipients.map(({ kind }) => kind),
        ['failed', 'delivered'],
      );
      assert.equal(recipients[0]?.reply.detail, '4.6');
    });
});

describe('createDelivery', () => {
  const router = createRouter({
    domains: ['example.org'],
    routes: [{ domain: 'void.test', kind: 'discard' }],
  });
  const rest = { clock: { now: () => 0 }, log: silentLog };
  const unexpected: Deliver = () => Promise.reject(new Error('not for this one'));
  const content = inline('\r\n');

  it('hands each destination to whoever delivers there', async () => {
    const seen: string[] = [];
    const relay: Deliver = async (lease) => {
      seen.push(lease.destination);
      return { recipients: [], health: 'ok' };
    };
    const all = createDelivery({ router, local: deliver, relay, ...rest });
    const local = await all(lease(['ann@example.org'], content), signal);
    assert.equal(local.recipients[0]?.kind, 'delivered');
    await all(lease(['x@example.net'], content, 'mx:example.net'), signal);
    assert.deepEqual(seen, ['mx:example.net']);
  });

  it('discards what its route says to discard', async () => {
    const all = createDelivery({ router, local: unexpected, relay: unexpected, ...rest });
    const { recipients } = await all(
      lease(['a@void.test', 'b@void.test'], content, 'discard'),
      signal,
    );
    assert.deepEqual(
      recipients.map(({ kind }) => kind),
      ['delivered', 'delivered'],
    );
  });

  it('RFC 3463 §3.4: defers what has lost its content, before anybody hears of it', async () => {
    const lost = new ContentError('missing', '/var/spool/x is missing');
    const check = () => Promise.reject(lost);
    const all = createDelivery({ router, local: unexpected, relay: unexpected, ...rest });
    const { recipients } = await all(lease(['ann@example.org'], { ...content, check }), signal);
    const [result] = recipients;
    assert.ok(result?.kind === 'deferred');
    assert.equal(
      replyText(result.reply),
      '451 4.3.0 The content of this message cannot be read here',
    );
  });

  it('RFC 2852 §4.1.3: attempts nothing that was to be delivered by now, or returned', async () => {
    const all = createDelivery({ router, local: deliver, relay: unexpected, ...rest });
    const late = lease(['ann@example.org'], content);
    const message = { ...late.message, received: -60_000, params: ['BY=60;R'] };
    const { recipients } = await all({ ...late, message }, signal);
    assert.ok(recipients[0]?.kind === 'failed');
    assert.equal(recipients[0].reply.detail, '4.7');
    const notified = { ...message, params: ['BY=60;N'] };
    const again = await all({ ...late, message: notified }, signal);
    assert.equal(again.recipients[0]?.kind, 'delivered');
  });

  it('defers what no route leads to any more', async () => {
    const all = createDelivery({ router, local: unexpected, relay: unexpected, ...rest });
    const { recipients } = await all(lease(['a@b.test'], content, 'host:gone:25#3'), signal);
    assert.equal(recipients[0]?.kind, 'deferred');
  });
});
