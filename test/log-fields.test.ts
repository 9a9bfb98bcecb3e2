// One type and one meaning for each field of the log. The compiler holds every call to the type in
// base/log.ts; docs/operating.md lists the same fields, and what is really logged keeps to them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Fields, Log } from '../src/base/log.ts';
import { startTestServer } from '../src/testing/index.ts';
import { connectImap } from './scenarios/imap-wire.ts';
import { connectClient } from './scenarios/wire.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** `name → type` of the fields in base/log.ts. */
function declared(): Map<string, string> {
  const body = /export type Fields = \{(.*?)\n\};/s.exec(read('src/base/log.ts'))![1]!;
  const found = body.matchAll(/readonly (\w+)\?: (.+?) \| undefined;/g);
  return new Map(
    [...found].map(([, name, type]) => [name!, type === 'readonly string[]' ? 'list' : type!]),
  );
}

/** The same of the table in docs/operating.md, whose rows may name several fields. */
function documented(): Map<string, string> {
  const rows = read('docs/operating.md').matchAll(
    /^\| (`[^|]+) \| (string|number|boolean|list) \|/gm,
  );
  return new Map(
    [...rows].flatMap(([, names, type]) =>
      [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => [name!, type!] as const),
    ),
  );
}

describe('log fields', () => {
  it('docs/operating.md lists every field with its type', () => {
    assert.deepEqual(
      new Map([...documented()].sort()),
      new Map(
        [...declared(), ['event', 'string'], ['level', 'string'], ['time', 'string']].sort() as [
          string,
          string,
        ][],
      ),
    );
  });

  it('what is logged on the way of mail, refused and read, has these fields and types', async () => {
    const types = declared();
    const events = new Set<string>();
    const check = (event: string, fields: Fields = {}) => {
      events.add(event);
      for (const [name, value] of Object.entries(fields)) {
        if (value === undefined) continue;
        const type = Array.isArray(value) ? 'list' : typeof value;
        assert.equal(type, types.get(name), `${event}: ${name}`);
      }
    };
    const log: Log = { debug: check, info: check, warn: check, error: check };
    const local = { host: '127.0.0.1', port: 0 } as const;
    await using server = await startTestServer({
      log,
      accounts: [{ address: 'ann@example.org', password: 'p' }, 'bob@example.org'],
      zone: {},
      config: {
        domains: ['example.org'],
        tls: 'self-signed',
        trustedNetworks: ['127.0.0.0/8'],
        listeners: [
          { service: 'smtp', ...local },
          { service: 'imap', ...local, tls: 'implicit' },
        ],
      },
    });
    const to = ['ann@example.org', 'bob@example.org', 'x@nowhere.invalid'];
    await server.send({ from: 'ann@example.org', to, message: 'Subject: x\r\n\r\nx\r\n' });
    await server.waitFor(({ mailbox }) => mailbox === 'bob@example.org');
    const client = await connectClient(server.port);
    await client.say('EHLO a.test\r\n');
    await client.say('MAIL FROM:<>\r\n');
    await client.say('RCPT TO:<nobody@example.org>\r\n');
    client.close();
    const imap = await connectImap(server.listeners[1]!.port);
    await imap.ask('ID ("name" "test" "version" "1")');
    await imap.ask('LOGIN ann@example.org p');
    await imap.ask('LOGOUT');
    imap.close();
    const stranger = await connectImap(server.listeners[1]!.port);
    await stranger.ask('LOGIN ann@example.org wrong');
    stranger.close();
    await server.advance(60_000);
    for (const event of ['received', 'delivered', 'refused', 'client', 'logged in', 'login failed'])
      assert.ok(events.has(event), `${event} of ${[...events]}`);
  });
});
