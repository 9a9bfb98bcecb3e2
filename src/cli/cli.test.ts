import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { issueCertificate } from '../net/certificate.ts';
import { isRoot } from '../net/privileges.ts';
import { verifyPassword } from '../policy/accounts/passwords.ts';
import { openSqliteStores } from '../store/sqlite/stores.ts';
import { createKeys, keyDirectory } from '../trust/dkim-keys.ts';
import { OutputClosed } from './context.ts';
import { runCommand as run } from './test-command.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-cli-'));
after(() => rmSync(root, { recursive: true }));

/** A working directory of its own, with a configuration unless told otherwise. */
function workingDirectory(config: object | 'none' = { domains: ['example.org'] }): string {
  const cwd = mkdtempSync(join(root, 'w-'));
  if (config !== 'none')
    writeFileSync(
      join(cwd, 'postrider.config.json'),
      JSON.stringify({ hostname: 'mx.example.org', ...config }),
    );
  return cwd;
}

/** What somebody types. */
const terminal = (typed: string) =>
  Readable.from(typed === '' ? [] : [Buffer.from(typed)]) as unknown as NodeJS.ReadStream;

/** Puts messages into the stores as the server would. */
async function fill(cwd: string, count: number): Promise<void> {
  const clock = systemClock();
  await using stores = await openSqliteStores({
    directory: join(cwd, 'postrider-data'),
    log: silentLog,
    clock,
  });
  await stores.folders.ensure('ann@example.org');
  for (let i = 0; i < count; i += 1)
    await stores.folders.deliver({
      account: 'ann@example.org',
      folder: i % 2 === 0 ? 'INBOX' : 'Junk',
      content: {
        kind: 'inline',
        bytes: Buffer.from(
          `From: x\u001b[2J${i}@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= ${i}\r\n\r\nbody ${i}\r\n`,
        ),
      },
      prefix: 'Return-Path: <>\r\n',
      flags: [],
      received: Date.UTC(2026, 0, 1) + i * 60_000,
    });
  for (const id of ['0000000000a', '0000000000b'])
    await stores.queue.enqueue(
      {
        id,
        received: Date.UTC(2026, 0, 1),
        sender: 'ann@example.org',
        params: [],
        recipients: [
          {
            ...{ address: 'bob@example.net', params: [] },
            ...{ delivery: 'relay', destination: 'mx:example.net' },
          },
        ],
        prefix: 'Received: by us\r\n',
        content: { kind: 'inline', bytes: Buffer.from('Subject: hello\r\n\r\nbody\r\n') },
        origin: { session: 's1', service: 'smtp', protocol: 'ESMTP', clientAddress: '192.0.2.1' },
        messageId: '<1@example.org>',
      },
      { leaseUntil: undefined },
    );
}

describe('command line', () => {
  const wrong: [line: string, status: number, err: RegExp][] = [
    ['nonsense', 2, /^postrider: unknown command 'nonsense'; see `postrider --help`\n$/],
    ['queu list', 2, /^postrider: unknown command 'queu' \(did you mean queue\?\)/],
    ['queue list --nope', 2, /^postrider: unknown option '--nope'/],
    ['account add a@example.org --password=hunter2', 2, /unknown option '--password=…'; see/],
    ['account add a@example.org hunter2', 2, /Expected 1 argument but got 2; see/],
    ['send --to a@b.c --auth u --password-file hunter2', 2, /not shown, since its name may be/],
    ['send --to a@b.c> --auth u', 2, /not a mail address|needs --password/],
    ['send --to a@b.c --ehlo a_b>c', 2, /--ehlo 'a_b>c' is not a name like/],
    ['mail show', 2, /^postrider: missing required argument 'address'/],
    ['mail delete', 2, /^postrider: name an address and the ids of messages, or --all/],
    ['mail delete a@example.org', 2, /^postrider: name an address and the ids/],
    ['mail delete a@example.org 1 --all', 2, /^postrider: name an address and the ids/],
    ['mail delete --all', 1, /^postrider: all mail at once is deleted in `postrider dev` only/],
    ['account remove nobody@example.org', 2, /There is no terminal to ask: repeat it with --yes/],
    ['account remove nobody@example.org --yes', 1, /^postrider: there is no account nobody/],
    ['dev --host nonsense!', 2, /^postrider: --host must be an address/],
    ['queue hold', 2, /^postrider: say which: IDs, or options such as --destination/],
    ['queue show', 2, /^postrider: missing required argument 'id'/],
    [
      'queue list --state nope',
      2,
      /'nope' is invalid; it is one of queued, deferred, active, held; see/,
    ],
    ['queue list --since nope', 2, /'nope' is invalid; it must be a time ago such as/],
    ['top', 1, /^postrider: no server runs on this data directory; start it with/],
    ['mail list --data nope', 2, /^postrider: --data: there is no directory \S+\/nope\n$/],
    ['account list --data=', 2, /^postrider: --data: names no directory\n$/],
    [
      'account rules set a@example.org nope.json',
      2,
      /^postrider: nope\.json: there is no such file\n$/,
    ],
    [
      'account rules set a@example.org .',
      2,
      /^postrider: \.: is a directory or the like; name a file\n$/,
    ],
    [
      'account rules set a@example.org',
      2,
      /^postrider: stdin: line 1, column 1: expected a value, found 's'\n$/,
    ],
    ['dev --inboxes nope.json', 2, /^postrider: --inboxes \S+nope\.json: there is no such file\n$/],
    ['mail list --config .', 2, /^postrider: \/\S+: is a directory or the like; name a file\n$/],
    [
      'verify nope',
      1,
      /nope is no backup, or was not finished: there is no manifest\.jsonl in it\n$/,
    ],
    ['admin second-factor add nobody', 1, /^postrider: there is no administrator nobody; /],
    [
      'admin second-factor add nobody --code 1',
      2,
      /^postrider: --secret and --code belong together/,
    ],
    ['token create x --allow ,', 2, /^postrider: there is no operation ''; see/],
    ['queue show abc', 1, /^postrider: there is no message abc in the queue; `postrider why abc`/],
    ['why abc', 1, /^postrider: nothing is known of abc/],
    ['account add nonsense --password-stdin', 1, /^postrider: "nonsense" is not a mail address/],
    ['mail list nobody@example.org', 1, /^postrider: there is no account nobody@example\.org/],
    ['reload', 1, /^postrider: no server runs on .*postrider-data; start it/],
    [
      'dev --port-offset x',
      2,
      /^postrider: --port-offset must be a whole number from -1000 to 60000, not 'x'\n$/,
    ],
    [
      'dev --port x',
      2,
      /^postrider: --port wants a port, such as 2525, or one of smtp, .* not 'x'/,
    ],
    ['dev --port 65536', 2, /^postrider: --port wants a port/],
    ['dev --port toString=1', 2, /^postrider: --port wants a port/],
    ['send --to a', 2, /^postrider: 'a' is not a mail address/],
    ['send', 2, /^postrider: required option '--to <address>' not specified/],
    ['send --to a@b.org --tls maybe', 2, /--tls must be none, starttls or implicit/],
    ['send --to a@b.org --port 0', 2, /the port must be a number/],
    ['send --to a@b.org --auth a@b.org', 2, /--auth needs --password-stdin or --password-file/],
    ['send --to a@b.org --header nonsense', 2, /--header must be 'Name: value'/],
    ['send --to a@b.org --server 127.0.0.1:1 --json', 1, /^postrider: not sent: /],
    ['serve --config nope.json', 2, /^postrider: nope\.json: there is no such file\n$/],
  ];
  const cwd = workingDirectory();
  for (const [line, status, err] of wrong)
    it(`\`${line}\` says in one line what is wrong, and ends with ${status}`, async () => {
      const result = await run(cwd, line, { input: 'secret-enough' });
      assert.equal(result.status, status);
      assert.match(result.err, err);
      assert.equal(result.err.split('\n').length, 2);
      if (!line.includes('--json')) assert.equal(result.out, '');
    });

  it('reports every problem of a configuration with its path, and ends with 2', async () => {
    const bad = workingDirectory({ listeners: [{ service: 'smtp', port: '25' }], limit: {} });
    const { status, err } = await run(bad, 'serve');
    assert.equal(status, 2);
    assert.equal(
      err,
      `postrider: postrider.config.json has 2 problems:
  listeners[0].port: must be a whole number, not '25'
  limit: unknown setting; did you mean \`limits\`?
`,
    );
  });

  it('says what to do where there is no configuration', async () => {
    const empty = workingDirectory('none');
    for (const line of ['serve', 'queue list', 'account list']) {
      const { status, err } = await run(empty, line);
      assert.equal(status, 2);
      assert.match(err, /no configuration in .*postrider init .*postrider dev/);
    }
  });

  it('ends quietly when its reader has gone', async () => {
    const result = await run(cwd, 'account list --json', {
      more: { print: async () => Promise.reject(new OutputClosed()) },
    });
    assert.deepEqual(result, { status: 0, out: '', err: '' });
  });
});

describe('accounts, no server running', () => {
  it('are added, listed, changed and removed', async () => {
    const cwd = workingDirectory();
    const input = 'correct horse battery\nstaple';
    const json = async (line: string) =>
      JSON.parse((await run(cwd, `${line} --json`, { input })).out);
    assert.match((await run(cwd, 'account list')).err, /there are no accounts/);
    assert.deepEqual(await json('account add Ann@Example.ORG --password-stdin'), {
      address: 'ann@example.org',
    });
    assert.match(
      (await run(cwd, 'account add ann@example.org --password-stdin', { input })).err,
      /there is an account/,
    );
    await json('account address add ann@example.org a@example.org');
    const app = await json('account app-password add a@example.org phone');
    assert.match(app.password, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
    const { created, ...line } = await json('account list');
    assert.deepEqual(line, {
      address: 'ann@example.org',
      addresses: ['ann@example.org', 'a@example.org'],
      appPasswords: ['phone'],
      messages: 0,
      bytes: 0,
      held: null,
    });
    assert.ok(Date.parse(created) > 0);
    const short = await run(cwd, 'account password ann@example.org --password-stdin', {
      input: 'short\n',
    });
    assert.deepEqual([short.status, /short/.test(short.err)], [0, true]);
    assert.equal((await run(cwd, 'account app-password remove ann@example.org phone')).status, 0);
    assert.equal(
      (await run(cwd, 'account address remove ann@example.org a@example.org')).status,
      0,
    );
    assert.equal((await run(cwd, 'account remove ann@example.org --yes')).status, 0);
    assert.equal((await run(cwd, 'account list --json')).out, '');
  });

  it('account remove asks, and takes nothing but yes for it', async () => {
    const cwd = workingDirectory();
    await run(cwd, 'account add ann@example.org --password-stdin', { input: 'long enough' });
    await fill(cwd, 2);
    const removing = (typed: string) =>
      run(cwd, 'account remove Ann@example.org', {
        more: { stdin: Object.assign(terminal(typed), { isTTY: true }) },
      });
    for (const typed of ['no\n', '\n', 'y\n', '']) {
      const { status, err } = await removing(typed);
      assert.equal(status, 1);
      assert.match(err, /^Remove the account ann@example\.org and its 2 messages \(\d+ bytes\)/);
      assert.match(err, /given up; nothing was changed\n$/);
    }
    assert.match((await run(cwd, 'account list')).out, /^ann@/);
    assert.deepEqual((await removing('yes\n')).status, 0);
    assert.equal((await run(cwd, 'account list')).out, '');
  });

  it('an account, or an address, of a domain that is not ours is taken with a warning', async () => {
    const cwd = workingDirectory();
    const input = 'long enough';
    const warning =
      /^example\.net is not in `domains`: mail for (ann|a)@example\.net is not delivered/;
    const added = await run(cwd, 'account add ann@example.net --password-stdin', { input });
    assert.equal(added.status, 0);
    assert.match(added.err, warning);
    const short = await run(cwd, 'account add bob@example.net --password-stdin', { input: 'x' });
    assert.match(short.err, /the password is short: .*; example\.net is not in `domains`/);
    const own = await run(cwd, 'account add ann@example.org --password-stdin', { input });
    assert.equal(own.err, '');
    const more = await run(cwd, 'account address add ann@example.org a@example.net');
    assert.deepEqual([more.status, warning.test(more.err)], [0, true]);
  });

  it('a password is what came, wherever it is cut on its way', async () => {
    const cwd = workingDirectory();
    const octets = Buffer.from('grüne Äpfel\n');
    const stdin = Readable.from([...octets].map((octet) => Buffer.of(octet)));
    const more = { stdin: stdin as unknown as NodeJS.ReadStream };
    const line = 'account add ann@example.org --password-stdin';
    assert.equal((await run(cwd, line, { more })).status, 0);
    const directory = join(cwd, 'postrider-data');
    await using stores = await openSqliteStores({
      directory,
      log: silentLog,
      clock: systemClock(),
    });
    const [kept] = await stores.accounts.credentials('ann@example.org');
    assert.equal(await verifyPassword(kept!.argon2, 'grüne Äpfel'), true);
  });

  it('what was asked for in vain is in the audit log, too', async () => {
    const cwd = workingDirectory();
    const input = 'long enough';
    for (const status of [0, 1])
      assert.equal(
        (await run(cwd, 'account add ann@example.org --password-stdin', { input })).status,
        status,
      );
    const { out } = await run(cwd, 'admin audit --json');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ what, outcome }) => [what, outcome === 'done']),
      [
        ['accountAdd', false],
        ['accountAdd', true],
      ],
    );
  });

  it('a password is not taken from nowhere', async () => {
    const cwd = workingDirectory();
    assert.match((await run(cwd, 'account add ann@example.org')).err, /use --password-stdin/);
    assert.match((await run(cwd, 'account add ann@example.org --password-stdin')).err, /is empty/);
    assert.match(
      (await run(cwd, 'account add ann@example.org --password-stdin', { input: '\nx' })).err,
      /is empty/,
    );
  });
});

describe('mail and queue, no server running', () => {
  it('mail list --json has one object a line; mail show prints the raw message', async () => {
    const cwd = workingDirectory();
    await run(cwd, 'account add ann@example.org --password-stdin', { input: 'long enough' });
    await fill(cwd, 5);
    const { out } = await run(cwd, 'mail list ann@example.org --json');
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, 5);
    const first = lines.find(({ subject }) => subject === 'Grüße 0');
    assert.deepEqual(Object.keys(first), [
      'id',
      'mailbox',
      'folder',
      'uid',
      'from',
      'subject',
      'size',
      'received',
      'flags',
    ]);
    assert.equal(first.received, '2026-01-01T00:00:00.000Z');
    const raw = (await run(cwd, `mail show ann@example.org ${first.id}`)).out;
    assert.match(raw, /^Return-Path: <>\r\nFrom: [\s\S]*\r\n\r\nbody 0\r\n$/);
    assert.equal(first.size, Buffer.byteLength(raw));
    assert.match(
      (await run(cwd, 'mail show ann@example.org')).out,
      /body 4/,
      'the latest without an id',
    );
    const junk = (await run(cwd, 'mail list ann@example.org --folder Junk --json')).out;
    assert.equal(junk.trimEnd().split('\n').length, 2);
    const people = (await run(cwd, 'mail list ann@example.org')).out;
    assert.match(people, /Grüße 0\n/);
    assert.doesNotMatch(people, /\u001b/, 'what came from a peer does not move the cursor');
  });

  it('dev shows nothing of a file of passwords that is no JSON', async () => {
    const cwd = workingDirectory('none');
    writeFileSync(join(cwd, 'inboxes.json'), '{ "shop": hunter2 }');
    const { status, err } = await run(cwd, 'dev --inboxes inboxes.json');
    assert.equal(status, 2);
    assert.match(err, /inboxes\.json: line 1, column 11: expected a value, found 'h'\n$/);
  });

  it('check does not take a store that cannot be looked at for none', async () => {
    const cwd = workingDirectory();
    mkdirSync(join(cwd, 'postrider-data'));
    symlinkSync('postrider.db', join(cwd, 'postrider-data/postrider.db')); // it leads to itself
    const { out } = await run(cwd, 'check');
    assert.match(out, /the accounts could not be looked at: /);
    assert.doesNotMatch(out, /there are no accounts/);
  });

  it('mail list says of which folder it has nothing', async () => {
    const cwd = workingDirectory();
    await run(cwd, 'account add ann@example.org --password-stdin', { input: 'correct horse\n' });
    const { err } = await run(cwd, 'mail list ann@example.org --folder Nope');
    assert.equal(err, 'no mail for ann@example.org in a folder Nope\n');
  });

  it('mail list without an address is everybody’s, one mailbox after the other', async () => {
    const cwd = workingDirectory();
    await fill(cwd, 2);
    const { out } = await run(cwd, 'mail list');
    assert.match(out, /^\S+ {2}2026-01-01 00:00 +\d+ {2}ann@example\.org +/);
    const lines = (await run(cwd, 'mail list --json')).out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => [JSON.parse(line).mailbox, JSON.parse(line).folder]),
      [
        ['ann@example.org', 'INBOX'],
        ['ann@example.org', 'Junk'],
      ],
    );
    assert.equal((await run(workingDirectory(), 'mail list')).err, 'no mail\n');
  });

  it('mail delete takes the messages named, or none when one is not there', async () => {
    const cwd = workingDirectory();
    await run(cwd, 'account add ann@example.org --password-stdin', { input: 'long enough' });
    await fill(cwd, 3);
    const ids = async () =>
      (await run(cwd, 'mail list ann@example.org --json')).out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).id);
    const [first, second, third] = await ids();
    const wrong = await run(cwd, `mail delete ann@example.org ${first} nonsense`);
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /ann@example\.org has no message nonsense; `postrider mail list ann@/);
    assert.equal((await ids()).length, 3);
    const { out } = await run(cwd, `mail delete ann@example.org ${first} ${first} ${third} --json`);
    assert.equal(out, '{"messages":2}\n');
    assert.deepEqual(await ids(), [second]);
  });

  it('mail delete --all empties the mailboxes of `dev`', async () => {
    const cwd = mkdtempSync(join(root, 'dev-'));
    mkdirSync(join(cwd, 'postrider-data'));
    await fill(cwd, 5);
    assert.match(
      (await run(cwd, 'mail delete bob --all --data postrider-data')).out,
      /^0 messages deleted\n$/,
    );
    assert.match(
      (await run(cwd, 'mail delete --all --data postrider-data')).out,
      /^5 messages deleted\n$/,
    );
    assert.equal((await run(cwd, 'mail list --data postrider-data')).out, '');
  });

  it('queue list, show, hold, release, retry and cancel; why', async () => {
    const cwd = workingDirectory();
    await fill(cwd, 0);
    const list = async () =>
      (await run(cwd, 'queue list --json')).out
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    const [first, second] = await list();
    assert.equal(second.id, '0000000000b');
    assert.deepEqual(first, {
      id: '0000000000a',
      sender: 'ann@example.org',
      received: '2026-01-01T00:00:00.000Z',
      size: first.size,
      messageId: '<1@example.org>',
      asked: [],
      recipients: [
        {
          address: 'bob@example.net',
          original: null,
          delivery: 'relay',
          destination: 'MX of example.net',
          state: 'queued',
          waits: null,
          attempts: 0,
          nextAttempt: first.recipients[0].nextAttempt,
          lastReply: null,
        },
      ],
    });
    assert.match(
      (await run(cwd, 'queue list')).out,
      /^0000000000a {2}2026-01-01 00:00 {2}\d+ bytes {2}from ann@example\.org\n {4}to bob@example\.net: queued, 0 attempts/,
    );
    const shown = JSON.parse((await run(cwd, 'queue show 0000000000a --json')).out);
    assert.equal(shown.origin.clientAddress, '192.0.2.1');
    assert.match(shown.header, /^Received: by us\r\nSubject: hello\r\n/);
    assert.match(
      (await run(cwd, 'queue show 0000000000a')).out,
      /clientAddress: 192\.0\.2\.1[\s\S]*Subject: hello/,
    );
    assert.equal((await run(cwd, 'queue hold 0000000000a --json')).out, '{"recipients":1}\n');
    assert.equal((await list())[0].recipients[0].state, 'held');
    assert.equal((await run(cwd, 'queue release 0000000000a')).out, '1 recipient released\n');
    assert.match((await run(cwd, 'queue retry')).out, /^\d recipients tried again now\n$/);
    assert.equal((await run(cwd, 'queue retry 0000000000a nonsense')).status, 1);
    const why = JSON.parse((await run(cwd, 'why 0000000000a --json')).out);
    assert.equal(why.queued.id, '0000000000a');
    assert.match(
      (await run(cwd, 'why <1@example.org>')).out,
      /^Message 0000000000a[\s\S]*Message 0000000000b/,
    );
    assert.equal(
      (await run(cwd, 'queue cancel --silent 0000000000a')).out,
      '1 recipient cancelled silently\n',
    );
    assert.equal((await list()).length, 1);
    assert.equal((await run(cwd, 'queue cancel 0000000000b --json')).out, '{"recipients":1}\n');
    // example.org is ours and has no such mailbox: the notification has nowhere to go.
    assert.equal((await list()).length, 0);
    assert.match((await run(cwd, 'queue list')).err, /the queue is empty/);
  });
});

describe('check and init', () => {
  const checked = async (cwd: string, more = '') => {
    const { status, out, err } = await run(cwd, `check --json${more}`);
    const findings = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { state: string; path: string; text: string });
    const of = (wanted: string) =>
      findings.filter(({ state }) => state === wanted).map(({ path, text }) => `${path}: ${text}`);
    return { status, err, findings, failures: of('failure'), warnings: of('warning') };
  };
  const loopback = { listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }] };

  it('check looks at files, directory and ports in one run', async () => {
    const cwd = workingDirectory({ ...loopback, domains: ['example.org'], user: 'no-such-user' });
    const { status, err, findings, failures } = await checked(cwd);
    assert.equal(status, 1);
    assert.match(err, /^postrider: 1 of \d checks failed, \d warnings\n$/);
    assert.deepEqual(failures, [
      'user: there is no user no-such-user: `useradd --system no-such-user`',
    ]);
    assert.ok(
      findings.some(
        ({ path, text }) => path === 'listeners[0].port' && text === '127.0.0.1 port 0 is free',
      ),
    );
    assert.equal(existsSync(join(cwd, 'postrider-data')), false, 'check makes nothing');
  });

  it('check ends with 0 where there are only warnings', async () => {
    const { status, err, failures, warnings } = await checked(
      workingDirectory({ ...loopback, domains: ['example.org'] }),
    );
    assert.deepEqual([status, err, failures], [0, '', []]);
    assert.ok(warnings.some((line) => line.startsWith('tls: none, so nobody can encrypt')));
  });

  it('check finds an open relay, aliases to nobody and missing files at once, and ends with 1', async () => {
    const cwd = workingDirectory({
      ...loopback,
      domains: ['example.org'],
      trustedNetworks: ['127.0.0.1', '0.0.0.0/0'],
      aliases: { 'info@example.org': ['ann@example.org', 'carol@example.org'] },
      tls: { certificate: 'none.pem', privateKey: 'none.key' },
    });
    const input = 'long enough';
    writeFileSync(join(cwd, 'none.key'), '');
    writeFileSync(join(cwd, 'none.pem'), '');
    await run(cwd, 'account add ann@example.org --password-stdin', { input });
    await run(cwd, 'account add ann@example.net --password-stdin', { input });
    rmSync(join(cwd, 'none.pem'));
    const { status, failures, warnings } = await checked(cwd);
    assert.equal(status, 1);
    assert.equal(failures.length, 3, failures.join('\n'));
    assert.match(failures[0]!, /^tls\.certificate: .*none\.pem: there is no such file$/);
    assert.match(failures[1]!, /^trustedNetworks\[1\]: 0\.0\.0\.0\/0 is everybody/);
    assert.match(
      failures[2]!,
      /^aliases\['info@example\.org'\]\[1\]: there is no account .* carol@/,
    );
    assert.ok(warnings.some((line) => /^domains: ann@example\.net is an account's/.test(line)));
    assert.ok(warnings.some((line) => /^tls\.privateKey: .*can be read by everybody/.test(line)));
  });

  it('check finds a certificate of another host, or with another key', async () => {
    const pems = (commonName: string, endsInDays: number) => {
      const notAfter = new Date(Date.now() + endsInDays * 86_400_000);
      const notBefore = new Date(Date.now() - 90 * 86_400_000);
      return issueCertificate({ commonName, names: [commonName], notBefore, notAfter });
    };
    const files = { certificate: 'c.pem', privateKey: 'k.pem' };
    const cwd = workingDirectory({ ...loopback, domains: ['example.org'], tls: files });
    const put = (certificate: string, key: string) => {
      writeFileSync(join(cwd, 'c.pem'), certificate);
      writeFileSync(join(cwd, 'k.pem'), key, { mode: 0o600 });
    };
    const other = pems('other.example.org', 90);
    put(other.certificate, other.privateKeyPem);
    const foreign = await checked(cwd);
    assert.deepEqual([foreign.status, foreign.failures.length], [1, 1]);
    assert.match(
      foreign.failures[0]!,
      /^tls\.certificate: .*is for other\.example\.org, not for mx\./,
    );
    const old = pems('mx.example.org', -1);
    put(old.certificate, old.privateKeyPem);
    assert.match((await checked(cwd)).failures[0]!, /^tls\.certificate: .* expired on \d{4}-/);
    const soon = pems('mx.example.org', 3);
    put(soon.certificate, soon.privateKeyPem);
    const { status, warnings } = await checked(cwd);
    assert.equal(status, 0);
    assert.ok(warnings.some((line) => /^tls\.certificate: .* expires on \d{4}-/.test(line)));
    put(soon.certificate, other.privateKeyPem);
    assert.match((await checked(cwd)).failures[0]!, /^tls: the private key in .* is not that of/);
  });

  it('check looks at each certificate, and for the host name among all of them', async () => {
    const [pem, key] = ['-cert.pem', '-key.pem'];
    const cwd = workingDirectory({
      ...loopback,
      domains: ['example.org'],
      tls: {
        ...{ certificate: `a${pem}`, privateKey: `a${key}` },
        additional: ['b', 'c'].map((x) => ({
          certificate: `${x}${pem}`,
          privateKey: `${x}${key}`,
        })),
      },
    });
    for (const [file, name, days] of [
      ['a', 'imap.example.net', 90],
      ['b', 'mx.example.org', 90],
      ['c', 'pop.example.net', -1],
    ] as const) {
      const day = 86_400_000;
      const made = issueCertificate({
        ...{ commonName: name, names: [name], notBefore: new Date(Date.now() - 90 * day) },
        notAfter: new Date(Date.now() + days * day),
      });
      writeFileSync(join(cwd, `${file}${pem}`), made.certificate);
      writeFileSync(join(cwd, `${file}${key}`), made.privateKeyPem, { mode: 0o600 });
    }
    const { failures, findings } = await checked(cwd);
    assert.equal(failures.length, 1, failures.join('\n'));
    assert.match(failures[0]!, /^tls\.additional\[1\]\.certificate: .*c-cert\.pem expired on/);
    const good = findings.filter(({ text }) => / is good until /.test(text));
    assert.deepEqual(
      good.map(({ path }) => path),
      ['tls.certificate', 'tls.additional[0].certificate'],
    );
  });

  it('check ends with 2 where the configuration cannot be read, and looks at the rest', async () => {
    const cwd = workingDirectory({ ...loopback, domain: ['x'], trustedNetworks: ['0.0.0.0/0'] });
    const { status, failures } = await checked(cwd);
    assert.equal(status, 2);
    assert.deepEqual(failures.length, 2);
    assert.match(failures[0]!, /^domain: unknown setting; did you mean `domains`\?/);
    assert.match(failures[1]!, /^trustedNetworks\[0\]: 0\.0\.0\.0\/0 is everybody/);
    const none = await checked(workingDirectory('none'));
    assert.deepEqual([none.status, none.failures.length], [2, 1]);
    const text = await run(workingDirectory('none'), 'check');
    assert.deepEqual([text.status, text.out], [2, '']);
    assert.match(text.err, /^postrider: no configuration in /);
  });

  it('check says that a port is taken, and what to do', async () => {
    const server = (await import('node:net')).createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const cwd = workingDirectory({ listeners: [{ service: 'smtp', host: '127.0.0.1', port }] });
    const { out } = await run(cwd, 'check');
    server.close();
    assert.match(out, new RegExp(`failure .*127\\.0\\.0\\.1 port ${port}: it is in use`));
  });

  it('check complains about a data directory that everybody can read', async () => {
    const cwd = workingDirectory({ listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }] });
    mkdirSync(join(cwd, 'postrider-data'), { mode: 0o755 });
    assert.match((await run(cwd, 'check')).out, /warning .*can be read by everybody/);
  });

  it('init writes a configuration that is right, the account and the DNS records; and nothing twice', async () => {
    const cwd = workingDirectory('none');
    const { status, out, err } = await run(cwd, 'init ann@example.org --hostname mx.example.org');
    assert.equal(status, 0, err);
    assert.match(out, /password [a-z2-9]{5}(-[a-z2-9]{5}){3}\n/);
    assert.match(out, /example\.org\. +IN MX +10 mx\.example\.org\.\n/);
    assert.match(out, /example\.org\. +IN TXT +"v=spf1 mx -all"\n/);
    assert.match(out, /_dmarc\.example\.org\. +IN TXT +"v=DMARC1;/);
    assert.match(out, /\._domainkey\.example\.org\. +IN TXT +"v=DKIM1; k=ed25519; p=/);
    assert.match((await run(cwd, 'dkim list')).out, /example\.org .* active/);
    assert.match(out, /_submissions\._tcp\.example\.org\. +IN SRV +0 1 465 mx\.example\.org\.\n/);
    assert.match(
      readFileSync(join(cwd, 'postrider.config.ts'), 'utf8'),
      /hostname: 'mx\.example\.org'/,
    );
    assert.equal(statSync(join(cwd, 'postrider-data')).mode & 0o077, 0);
    assert.match((await run(cwd, 'account list')).out, /^ann@example\.org/);
    const again = await run(cwd, 'init ann@example.org');
    assert.equal(again.status, 1);
    assert.match(again.err, /postrider\.config\.ts is here already; nothing was changed/);
  });

  it('init writes where mail is kept and who the server is, for a server of the system', async () => {
    const cwd = workingDirectory('none');
    const data = join(cwd, 'var lib');
    const more = { stdin: Readable.from([]) as unknown as NodeJS.ReadStream };
    const argv = [
      'init',
      'ann@example.org',
      '--data-directory',
      data,
      '--user',
      userInfo().username,
    ];
    const { status, err } = await run(cwd, argv, { more });
    assert.equal(status, 0, err);
    const text = readFileSync(join(cwd, 'postrider.config.ts'), 'utf8');
    assert.ok(text.includes(`  dataDirectory: '${data}',\n`));
    assert.match(text, /\n {2}user: '\w+',\n\}\);\n$/);
    assert.ok(existsSync(join(data, 'postrider.db')));
    assert.equal(existsSync(join(cwd, 'postrider-data')), false);
  });

  it('init says that it may not write here', { skip: isRoot() }, async () => {
    const cwd = workingDirectory('none');
    chmodSync(cwd, 0o500);
    const { status, err } = await run(cwd, 'init ann@example.org');
    assert.equal(status, 1);
    assert.match(err, /^postrider: cannot write .*postrider\.config\.ts: you may not write there/);
  });

  it('init --acme writes what an authority needs, and it can be read', async () => {
    const cwd = workingDirectory('none');
    const input = 'long enough for a password';
    const made = await run(cwd, 'init ann@example.org --acme --password-stdin --json', { input });
    const { records } = JSON.parse(made.out) as { records: { name: string; type: string }[] };
    for (const wanted of [
      ...['_mta-sts.example.org TXT', 'mta-sts.example.org CNAME', '_smtp._tls.example.org TXT'],
      ...['autoconfig.example.org CNAME', '_jmap._tcp.example.org SRV', '_dmarc.example.org TXT'],
    ])
      assert.ok(
        records.some(({ name, type }) => `${name} ${type}` === wanted),
        wanted,
      );
    const text = readFileSync(join(cwd, 'postrider.config.ts'), 'utf8');
    assert.match(text, /acme: \{\s+contact: 'ann@example\.org',\s+termsAgreed: true,/);
    const { out } = await run(cwd, 'check --json');
    assert.match(out, /"tls\.acme","text":"mail\.example\.org: no certificate yet/);
    assert.match(
      out,
      /"mta-sts\.example\.org, autoconfig\.example\.org, auto.* no certificate yet/,
    );
  });

  it('check with ACME says what it can about a store that cannot be opened', async () => {
    const tls = { acme: { dns: 'hook' } };
    const cwd = workingDirectory({ domains: ['example.org'], tls });
    mkdirSync(join(cwd, 'postrider-data'), { mode: 0o700 });
    writeFileSync(join(cwd, 'postrider-data/postrider.db'), 'no database, whatever its name is\n');
    const { status, out } = await run(cwd, 'check');
    assert.equal(status, 1);
    assert.match(out, /^ok {6} configuration /m);
    assert.match(out, /^warning {2}the accounts could not be looked at: /m);
    assert.match(out, /^warning {2}tls\.acme: the certificates could not be looked at: /m);
    assert.doesNotMatch(out, /no certificate yet/);
  });

  it('init takes keys that are there already', async () => {
    const cwd = workingDirectory('none');
    const now = new Date();
    const keys = createKeys(keyDirectory(join(cwd, 'postrider-data')), {
      ...({ domain: 'example.org', state: 'active', now } as const),
    });
    const { status, out, err } = await run(cwd, 'init ann@example.org');
    assert.equal(status, 0, err);
    assert.match(out, /^Account: ann@example\.org, password \S+$/m);
    for (const { selector } of keys) assert.ok(out.includes(`${selector}._domainkey.example.org`));
  });

  it('init says what is left to do where it has done the most', async () => {
    const cwd = workingDirectory('none');
    const keys = keyDirectory(join(cwd, 'postrider-data'));
    mkdirSync(keys, { recursive: true, mode: 0o700 });
    writeFileSync(join(keys, 'keys.json'), 'no list\n');
    const { status, err } = await run(cwd, 'init ann@example.org');
    assert.equal(status, 1);
    assert.match(err, /keys\.json is damaged; all but the keys is there: `postrider dkim create`/);
    assert.match(err, /`postrider account password ann@example\.org` another password/);
  });

  it('init changes nothing when it cannot finish', async () => {
    const cwd = workingDirectory('none');
    const { status } = await run(cwd, "init ann@example.org --hostname not/a'name");
    assert.equal(status, 2);
    assert.equal(existsSync(join(cwd, 'postrider.config.ts')), false);
  });
});
