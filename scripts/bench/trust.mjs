// What the two adapters beside it share: a signed message, the key it is signed with, and a DNS that knows of it.
// Needs Debian's `unbound`, `opendkim-tools` and `python3-dkim` (dkimsign).

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const domain = 'bench.example';
export const selector = 's1';
export const sender = `sender@${domain}`;

/** The message that is sent, and beside it the key: the same for all servers of a run. */
const messageFile = process.env.BENCH_MESSAGE ?? '/tmp/bench-message';

export async function startDns(group, { dir, port, waitPort }) {
  const key = makeKey();
  const records = [
    ['1.0.0.127.in-addr.arpa', 'PTR', `client.${domain}.`],
    [`client.${domain}`, 'A', '127.0.0.1'],
    [domain, 'TXT', '"v=spf1 ip4:127.0.0.1 -all"'],
    [`_dmarc.${domain}`, 'TXT', '"v=DMARC1; p=reject"'],
    [`${selector}._domainkey.${domain}`, 'TXT', key.record],
  ];
  const file = join(dir, 'unbound.conf');
  writeFileSync(
    file,
    `server:
  username: ""
  chroot: ""
  directory: "${dir}"
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@${port}
  do-ip6: no
  module-config: "iterator"
  local-zone: "." static
${records.map(([name, type, value]) => `  local-data: '${name}. 3600 IN ${type} ${value}'`).join('\n')}
remote-control:
  control-enable: no
`,
  );
  group.spawn('unbound', ['-d', '-c', file], { stdio: 'ignore' });
  await waitPort(port, 15_000, false);
  return { server: `127.0.0.1:${port}`, key: key.file };
}

/** The private key's file, and its record as in a zone file and as text. */
export function makeKey() {
  const dir = `${messageFile}.key`;
  mkdirSync(dir, { recursive: true });
  if (!existsSync(join(dir, `${selector}.private`)))
    execFileSync('opendkim-genkey', ['-b', '2048', '-d', domain, '-s', selector, '-D', dir]);
  const text = readFileSync(join(dir, `${selector}.txt`), 'utf8');
  const strings = [...text.matchAll(/"[^"]*"/g)].map(([string]) => string);
  return {
    file: join(dir, `${selector}.private`),
    record: strings.join(' '),
    text: strings.map((string) => string.slice(1, -1)).join(''),
  };
}

/** `size` octets of text; with a key it is signed by it. */
export function writeMessage({ size, key }) {
  const line = `${'x'.repeat(70)}\n`;
  const message = [
    `From: Sender <${sender}>`,
    'To: rcpt@dest.example',
    'Subject: A message',
    'Date: Thu, 1 Jan 2026 00:00:00 +0000',
    `Message-ID: <1@${domain}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    line.repeat(Math.ceil(size / line.length)),
  ].join('\n');
  const signed =
    key === undefined
      ? message
      : execFileSync('dkimsign', [selector, domain, key], { input: message, encoding: 'utf8' });
  writeFileSync(messageFile, signed.replaceAll('\r\n', '\n'));
}

/** Modes of both adapters: mail of strangers is verified, or mail of ours is signed. */
export const modes = (label) => ({
  verify: { relays: true, durable: 'queued on disk before 250', label: `${label}, verifying` },
  sign: { relays: true, durable: 'queued on disk before 250', label: `${label}, signing` },
});
