import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { fc } from '../../base/test-properties.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { Content } from '../../store/content.ts';
import { recordSyncs } from '../../store/files/test-syncs.ts';
import type { Lease } from '../../store/queue-store.ts';
import { createMaildirDelivery, maildirOf, UnixLines } from './maildir.ts';

const { signal } = new AbortController();
let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'maildir-'));
});
after(() => rm(root, { recursive: true }));

function deliveryTo(directory: string) {
  return createMaildirDelivery({
    directory,
    recipients: {
      accountOf: async (address) =>
        address.startsWith('gone') ? undefined : address.toLowerCase(),
    },
    hostname: 'mx.example.org',
    log: silentLog,
  });
}

interface Given {
  readonly pieces: readonly string[];
  readonly params?: readonly string[];
  readonly inline?: boolean;
  readonly fence?: number;
}

function lease(
  recipients: readonly string[],
  { pieces, params = [], inline, fence = 1 }: Given,
): Lease {
  const bytes = Buffer.from(pieces.join(''));
  const content: Content = {
    size: bytes.length,
    bytes: inline ? bytes : undefined,
    async *read() {
      for (const piece of pieces) yield Buffer.from(piece);
    },
  };
  return {
    message: {
      id: 'id1',
      received: 1_767_225_600_000,
      sender: 's@example.net',
      params,
      prefix: 'Received: x\r\n',
      content,
      origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
    },
    destination: 'local',
    recipients: recipients.map((address, index) => ({
      address,
      params: [],
      delivery: 'local',
      destination: 'local',
      index,
      attempt: 1,
      fence,
      warned: false,
    })),
    expires: 0,
  };
}

const prefixOf = (address: string) =>
  `Return-Path: <s@example.net>\nDelivered-To: ${address}\nReceived: x\n`;

describe('createMaildirDelivery', () => {
  const skip = process.platform !== 'linux' && 'the kernel does not say what was flushed';
  it('a message and its name are on the disk before it is called delivered', {
    skip,
  }, async (t) => {
    const maildir = join(root, 'synced');
    const deliver = deliveryTo(maildir);
    const synced = await recordSyncs(t);
    await deliver(lease(['ann@example.org'], { pieces: ['x'], inline: true }), signal);
    assert.deepEqual(synced.slice(0, 2), [maildir, root], 'the folders that were made');
    assert.match(synced[2] ?? '', /synced\/tmp\/[^/]*$/);
    assert.deepEqual(synced.slice(3), [join(maildir, 'new')]);
  });

  for (const inline of [true, false])
    it(`writes a whole message to new, with the line ends of Unix (${inline ? 'small' : 'large'})`, async () => {
      const folder = join(root, `whole-${inline}`);
      const deliver = deliveryTo(join(folder, '{domain}', '{local}'));
      const pieces = ['Subject: x\r', '\n\r\nbo', 'dy\r\n'];
      const { recipients } = await deliver(lease(['ann@example.org'], { pieces, inline }), signal);
      assert.equal(recipients[0]?.kind, 'delivered');
      const maildir = join(folder, 'example.org', 'ann');
      assert.deepEqual(await readdir(join(maildir, 'tmp')), []);
      assert.deepEqual(await readdir(join(maildir, 'cur')), []);
      const [name = ''] = await readdir(join(maildir, 'new'));
      const text = await readFile(join(maildir, 'new', name), 'utf8');
      assert.equal(text, `${prefixOf('ann@example.org')}Subject: x\n\nbody\n`);
      const wire = text.length + text.split('\n').length - 1;
      assert.equal(name, `1767225600.id1R0.mx.example.org,S=${text.length},W=${wire}`);
      assert.equal((await stat(join(maildir, 'new', name))).mode & 0o777, 0o600);
    });

  for (const inline of [true, false])
    it(`RFC 5321 §4.4: a Return-Path that came along goes, its sizes with it (${inline ? 'small' : 'large'})`, async () => {
      const folder = join(root, `return-path-${inline}`);
      const pieces = [
        'RETURN-Path: <',
        'x@y>\r\n folded\r\nSubject: x\r\nReturn-',
        'Path: z\r\n\r\nbo',
        'dy\r\n',
      ];
      await deliveryTo(folder)(lease(['ann@example.org'], { pieces, inline }), signal);
      const [name = ''] = await readdir(join(folder, 'new'));
      const text = await readFile(join(folder, 'new', name), 'utf8');
      assert.equal(text, `${prefixOf('ann@example.org')}Subject: x\n\nbody\n`);
      const wire = text.length + text.split('\n').length - 1;
      assert.ok(name.endsWith(`,S=${text.length},W=${wire}`));
    });

  it('a CR at the very end stays', async () => {
    const directory = join(root, 'cr-at-end');
    const result = await deliveryTo(directory)(
      lease(['ann@example.org'], { pieces: ['a\r\nb\r'] }),
      signal,
    );
    assert.equal(result.recipients[0]!.kind, 'delivered');
    const folder = join(maildirOf(directory, 'ann@example.org'), 'new');
    const [name] = await readdir(folder);
    assert.match(await readFile(join(folder, name!), 'latin1'), /\na\nb\r$/);
  });

  it('RFC 3030: stores binary content as it is', async () => {
    const folder = join(root, 'binary');
    const content = { pieces: ['a\r\n\r\nb\n\r\r\n'], params: ['BODY=BINARYMIME'] };
    await deliveryTo(folder)(lease(['ann@example.org'], content), signal);
    const [name = ''] = await readdir(join(folder, 'new'));
    const text = await readFile(join(folder, 'new', name), 'utf8');
    assert.ok(text.endsWith('a\r\n\r\nb\n\r\r\n'));
  });

  it('an attempt repeated after a crash makes no second message, and leaves nothing in tmp', async () => {
    const folder = join(root, 'again');
    const pieces = ['\r\nbody\r\n'];
    await deliveryTo(folder)(lease(['ann@example.org'], { pieces }), signal);
    const second = lease(['ann@example.org'], { pieces, fence: 2 });
    const { recipients } = await deliveryTo(folder)(second, signal);
    assert.equal(recipients[0]?.kind, 'delivered');
    assert.equal((await readdir(join(folder, 'new'))).length, 1);
    assert.deepEqual(await readdir(join(folder, 'tmp')), []);
  });

  it('a failure defers its recipient alone, and leaves nothing in tmp', async () => {
    const folder = join(root, 'fails', '{local}');
    const deliver = deliveryTo(folder);
    await deliver(lease(['bob@example.org'], { pieces: ['\r\n'] }), signal);
    await rm(join(root, 'fails', 'bob', 'new'), { recursive: true });
    await writeFile(join(root, 'fails', 'bob', 'new'), 'in the way');
    const to = ['ann@example.org', 'bob@example.org', 'gone@example.org', 'carl@example.org'];
    const { recipients } = await deliver(lease(to, { pieces: ['\r\n'] }), signal);
    assert.deepEqual(
      recipients.map(({ kind, reply }) => `${kind} ${reply.code}`),
      ['delivered 250', 'deferred 451', 'failed 550', 'delivered 250'],
    );
    assert.deepEqual(await readdir(join(root, 'fails', 'bob', 'tmp')), []);
  });

  for (const [code, expected] of [
    ['ENOSPC', '452 4.3.1'],
    ['EDQUOT', '452 4.3.1'],
    ['EIO', '452 4.3.1'],
    ['EROFS', '451 4.3.0'],
  ] as const)
    it(`${code} of the disk defers with ${expected}`, async (t) => {
      const deliver = deliveryTo(join(root, code));
      await using any = await open('/', 'r');
      t.mock.method(Object.getPrototypeOf(any) as typeof any, 'writeFile', async () => {
        throw Object.assign(new Error(code), { code });
      });
      const { recipients } = await deliver(lease(['ann@example.org'], { pieces: ['x'] }), signal);
      const [result] = recipients;
      assert.equal(result?.kind, 'deferred');
      assert.ok(formatReply(result.reply).startsWith(expected), formatReply(result.reply));
    });

  it('makes one folder again when the others are there', async () => {
    const folder = join(root, 'one-removed');
    await deliveryTo(folder)(lease(['ann@example.org'], { pieces: ['\r\n'] }), signal);
    await rm(join(folder, 'tmp'), { recursive: true });
    const again = lease(['ann@example.org'], { pieces: ['\r\n'], fence: 2 });
    const { recipients } = await deliveryTo(folder)(again, signal);
    assert.equal(recipients[0]?.kind, 'delivered');
  });

  it('makes the folders again when they were removed', async () => {
    const folder = join(root, 'removed');
    const deliver = deliveryTo(folder);
    await deliver(lease(['ann@example.org'], { pieces: ['\r\n'] }), signal);
    await rm(folder, { recursive: true });
    const first = await deliver(lease(['ann@example.org'], { pieces: ['\r\n'] }), signal);
    const second = await deliver(lease(['ann@example.org'], { pieces: ['\r\n'] }), signal);
    assert.deepEqual(
      [first, second].map((r) => r.recipients[0]?.kind),
      ['deferred', 'delivered'],
    );
  });
});

describe('maildirOf', () => {
  const table = [
    ['/mail/{domain}/{local}', 'ann@example.org', '/mail/example.org/ann'],
    ['/mail/{address}', 'ann@example.org', '/mail/ann@example.org'],
    ['/mail/{local}', '../../etc@example.org', '/mail/%2e.%2f..%2fetc'],
    ['/mail/{local}/x', '..@example.org', '/mail/%2e./x'],
    ['/mail/{local}', 'a\0b%\\@example.org', '/mail/a%00b%25%5c'],
    ['/mail/{local}', '{domain}@example.org', '/mail/{domain}'],
    ['/mail/{local}', '$&@example.org', '/mail/$&'],
    ['/mail/{local}', '@example.org', '/mail/%'],
  ] as const;
  for (const [pattern, address, expected] of table)
    it(`${pattern} of ${JSON.stringify(address)}`, () =>
      assert.equal(maildirOf(pattern, address), expected));
});

describe('UnixLines', () => {
  it('is the same however the bytes are cut', () => {
    const text = fc.array(fc.constantFrom('\r', '\n', 'a'), { maxLength: 20 });
    const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, cuts, (characters, sizes) => {
        const whole = characters.join('');
        const lines = new UnixLines();
        let out = '';
        for (let at = 0, i = 0; at < whole.length; i += 1) {
          const size = sizes[i % sizes.length]!;
          out += Buffer.from(lines.convert(Buffer.from(whole.slice(at, at + size)))).toString();
          at += size;
        }
        out += Buffer.from(lines.end()).toString();
        assert.equal(out, whole.replaceAll('\r\n', '\n'));
      }),
    );
  });
});
