import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, it } from 'node:test';
import { runCommand } from './test-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'postrider-import-'));
after(() => rmSync(cwd, { recursive: true }));
const write = (path: string, text: string | Buffer) => {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), text);
};
write(
  'postrider.config.json',
  JSON.stringify({ hostname: 'mx.example.org', domains: ['example.org'] }),
);
const run = (line: string, input = '') => runCommand(cwd, line, { input });
let accounts = 0;

/** A new account, what is imported into it, and what lies there then. */
async function account() {
  accounts += 1;
  const address = `user${accounts}@example.org`;
  await run(`account add ${address} --password-stdin`, 'correct horse battery\n');
  const load = (paths: string) => run(`mail import ${paths} --address ${address}`);
  const lies = async () => {
    const { out } = await run(`mail list ${address} --json`);
    const lines: { folder: string; subject: string; flags: string[]; received: string }[] = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return lines
      .map(({ folder, subject, flags }) =>
        [folder, subject, ...flags.filter((flag) => flag !== '\\Recent').sort()].join(' '),
      )
      .sort();
  };
  return { address, load, lies };
}

const separator = 'From a@x Mon Jan  1 00:00:00 2024\n';

it('mail import: names what is too large and what cannot be read, goes on, counts both', async () => {
  const { load, lies } = await account();
  write(
    'large.mbox',
    `${separator}Subject: one\n\nx\n\n${separator}Subject: two\n\n${'y'.repeat(29 * 2 ** 20)}\n\n${separator}Subject: three\n\nz\n`,
  );
  mkdirSync(join(cwd, 'folder'));
  write('none.eml', '');
  write('packed.eml', Buffer.from('1f8b0800', 'hex'));
  const { status, out, err } = await load('missing.eml folder large.mbox none.eml packed.eml');
  assert.equal(status, 1);
  assert.equal(out, 'imported 2\n');
  assert.match(err, /^missing\.eml: not imported: there is no such file$/m);
  assert.match(err, /^folder: not imported: is a folder, and no Maildir is in it/m);
  assert.match(err, /^large\.mbox, message 2: not imported: it has \d+ octets/m);
  assert.match(err, /^none\.eml: not imported: there is no message/m);
  assert.match(err, /^packed\.eml: not imported: it is compressed/m);
  assert.match(err, /^postrider: 5 could not be imported/m);
  assert.doesNotMatch(err, /EISDIR|ENOENT/);
  assert.deepEqual(await lies(), ['INBOX one', 'INBOX three']);
});

it('mail import: of a file of more than a gigabyte, what is too large is passed over, what is behind it imported', async () => {
  const { load, lies } = await account();
  const first = `${separator}Subject: one\n\nx\n\n${separator}Subject: two\n\n`;
  const last = `\n\n${separator}Subject: three\n\nz\n`;
  const gigabyte = 1024 * 2 ** 20;
  write('huge.mbox', first);
  truncateSync(join(cwd, 'huge.mbox'), gigabyte); // it takes no place on the disk
  appendFileSync(join(cwd, 'huge.mbox'), last);
  write('huge.eml', 'Subject: four\n\n');
  truncateSync(join(cwd, 'huge.eml'), 40 * 2 ** 20);
  write('Huge/cur/1.host:2,', 'Subject: five\n\n');
  write('Huge/cur/2.host:2,', 'Subject: six\n\nx\n');
  truncateSync(join(cwd, 'Huge/cur/1.host:2,'), 4 * gigabyte);
  const { status, out, err } = await load('huge.mbox huge.eml Huge');
  assert.deepEqual([status, out], [1, 'imported 3\n']);
  const size = gigabyte - first.indexOf('Subject: two') + 2;
  const lines = err.split('\n').filter((line) => !line.endsWith('so far'));
  assert.deepEqual(lines, [
    `huge.mbox, message 2: not imported: it has ${size} octets, and 29360128 are the most`,
    `huge.eml: not imported: it has ${40 * 2 ** 20} octets, and 29360128 are the most`,
    `Huge/cur/1.host:2,: not imported: it has ${4 * gigabyte} octets, and 29360128 are the most`,
    'postrider: 3 could not be imported; the reasons are above',
    '',
  ]);
  assert.deepEqual(await lies(), ['INBOX one', 'INBOX six', 'INBOX three']);
});

it('mail import: many messages that are too large, one after the other, end nothing', async () => {
  const { load, lies } = await account();
  for (let i = 0; i < 12; i += 1) {
    write(`Twelve/cur/${i + 10}:2,`, `Subject: ${i}\n\n`);
    truncateSync(join(cwd, `Twelve/cur/${i + 10}:2,`), 30 * 2 ** 20);
  }
  write('Twelve/new/99', 'Subject: last\n\nx\n');
  assert.equal((await load('Twelve')).out, 'imported 1\n');
  assert.deepEqual(await lies(), ['INBOX last']);
});

it('mail import: what leads nowhere, is no file, or has a time of another age is named, or imported', async () => {
  const { load, lies } = await account();
  write('Odd/cur/1.host:2,', 'Subject: odd\n\nx\n');
  symlinkSync('nowhere', join(cwd, 'Odd/cur/2.host:2,'));
  execFileSync('mkfifo', [join(cwd, 'Odd/cur/3.host:2,')]);
  utimesSync(join(cwd, 'Odd/cur/1.host:2,'), 260_000_000_000, 260_000_000_000);
  const { status, out, err } = await load('Odd');
  assert.deepEqual([status, out], [1, 'imported 1\n']);
  assert.match(err, /^Odd\/cur\/2\.host:2,: not imported: it is a link that leads to no file$/m);
  assert.match(err, /^Odd\/cur\/3\.host:2,: not imported: it is no file$/m);
  assert.deepEqual(await lies(), ['INBOX odd']);
});

it('mail import: once more, it imports what is not there; --duplicates everything', async () => {
  const { load, lies } = await account();
  write('some.mbox', `${separator}Subject: one\n\nx\n\n${separator}Subject: two\n\ny\n`);
  assert.equal(
    (await load('some.mbox --json')).out,
    '{"imported":2,"existing":0,"failed":0,"gone":0}\n',
  );
  // Of the same size as one that is there.
  write('more.eml', 'Subject: six\n\nx\n\n');
  // A message that is larger than what is read in one go, an import of whose file was broken off behind it.
  const long = `${separator}Subject: long\n\n${`${'y'.repeat(71)}\n`.repeat(10_000)}\n`;
  write('half.mbox', long);
  write('all.mbox', `${long}${separator}Subject: last\n\nz\n`);
  assert.equal((await load('half.mbox --folder Large')).out, 'imported 1\n');
  assert.equal(
    (await load('all.mbox --folder Large')).out,
    'imported 1; 1 message lay there already\n',
  );
  const again = await load('some.mbox more.eml');
  assert.deepEqual([again.status, again.out], [0, 'imported 1; 2 messages lay there already\n']);
  assert.equal(
    (await load('more.eml --folder inbox')).out,
    'imported 0; 1 message lay there already\n',
  );
  // In another folder it is not.
  assert.equal((await load('more.eml --folder Old/2024')).out, 'imported 1\n');
  assert.equal((await load('more.eml --duplicates')).out, 'imported 1\n');
  assert.deepEqual(await lies(), [
    'INBOX one',
    'INBOX six',
    'INBOX six',
    'INBOX two',
    'Large last',
    'Large long',
    'Old/2024 six',
  ]);
});

it('mail import: a Maildir with its subfolders, flags, keywords and times', async () => {
  const { address, load, lies } = await account();
  const maildir = (path: string, subject: string) =>
    write(`Maildir/${path}`, `Subject: ${subject}\n\nx\n\nFrom here\n`);
  maildir('cur/1.host:2,FRSTad', 'flagged');
  maildir('cur/2.host:2,', 'seen by nobody');
  maildir('new/3.host', 'new');
  maildir('tmp/4.host', 'half');
  maildir('.Sent/cur/5.host:2,DP', 'sent');
  maildir('.Archive.2024.Gr&APw-n/cur/6.host', 'green');
  maildir('nested/inner/new/7.host', 'nested');
  write('Maildir/.Sent/cur/8.host:2,S', `${separator}Subject: with a From line\n\nx\n\nFrom y\n`);
  write('Maildir/dovecot-keywords', '0 $Junk\n1 later\n');
  const came = new Date('2021-03-04T05:06:07Z');
  utimesSync(join(cwd, 'Maildir/cur/1.host:2,FRSTad'), came, came);

  const { status, out, err } = await load('Maildir/');
  assert.deepEqual([status, out, err], [0, 'imported 7\n', '']);
  assert.deepEqual(await lies(), [
    'Archive/2024/Grün green',
    'INBOX flagged $Junk \\Answered \\Deleted \\Flagged \\Seen',
    'INBOX new',
    'INBOX seen by nobody',
    'Sent sent $Forwarded \\Draft',
    'Sent with a From line \\Seen',
    'nested/inner nested',
  ]);
  const listed = await run(`mail list ${address} --folder INBOX --json`);
  assert.match(listed.out, /"received":"2021-03-04T05:06:07/);
  assert.equal((await load('Maildir')).out, 'imported 0; 7 messages lay there already\n');
});

it('mail import: says at once that it has no account, and what a folder cannot be called', async () => {
  write('one.eml', 'Subject: one\n\nx\n');
  write('two.eml', 'Subject: two\n\nx\n');
  const nobody = await run('mail import one.eml two.eml --address nobody@example.org');
  assert.deepEqual([nobody.status, nobody.out], [1, '']);
  assert.match(nobody.err, /there is no account nobody@example\.org/);
  const unsaid = await run('mail import one.eml two.eml');
  assert.deepEqual([unsaid.status, unsaid.out], [1, 'imported 0\n']);
  assert.match(unsaid.err, /^one\.eml: not imported: whose mail is it\?/);
  assert.doesNotMatch(unsaid.err, /two\.eml/);
  const { load } = await account();
  assert.match((await load('one.eml --folder a//b')).err, /no folder can be called a\/\/b/);
});
