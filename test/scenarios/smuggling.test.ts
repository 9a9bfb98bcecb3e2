// SMTP smuggling and injection, end to end: what reaches a next hop is one message, even for a hop
// that takes LF.LF, LF.CRLF, CR.CR and their like for the end of data; and nothing a client calls
// itself or puts into a parameter begins a line of ours.
// CVE-2023-51764 (Postfix), CVE-2023-51765 (Sendmail), CVE-2023-51766 (Exim).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import type { RawHop } from './attacker.ts';
import { codes, send, startRawHop } from './attacker.ts';

let hop: RawHop;
let server: RunningProcess;
let refusing: number;
let normalising: number;

before(async () => {
  hop = await startRawHop();
  [refusing, normalising] = (await freePorts(2)) as [number, number];
  server = await startProcess({
    hostname: 'mx.here.test',
    trustedNetworks: ['127.0.0.1/32'],
    listeners: [
      { service: 'smtp', host: '127.0.0.1', port: refusing },
      { service: 'smtp', host: '127.0.0.1', port: normalising, bareNewlines: 'normalise' },
    ],
    routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
    limits: { errorsPerConnection: 100 },
  });
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await hop?.[Symbol.asyncDispose]();
});

const smuggled = 'MAIL FROM:<admin@here.test>\r\nRCPT TO:<victim@far.test>\r\nDATA\r\n';
let messages = 0;
const nextMarker = () => {
  messages += 1;
  return `marker-${messages}`;
};

/** Markers of what was refused: they must never get there. */
const refusedMarkers: string[] = [];

/** What a hop got on the connection over which the content came; '' when it was refused. */
async function arrives(port: number, marker: string, dialogue: string): Promise<string> {
  const heard = codes(await send(port, [dialogue]));
  assert.equal(heard.at(-1), '221');
  // The greeting, EHLO, MAIL, RCPT, perhaps the 354, and the verdict.
  if (heard[heard[4] === '354' ? 5 : 4] !== '250') {
    refusedMarkers.push(marker);
    return '';
  }
  return eventually(
    () => hop.streams.find((text) => contents(text).some((one) => one.includes(marker))),
    marker,
  );
}

/** Everything between DATA and the command after it. */
const contents = (stream: string): string[] =>
  [...stream.matchAll(/^DATA\r\n([\s\S]*?\r\n\.\r\n)/gm)].map(([, content]) => content!);

/** What a hop took for commands. */
const commands = (stream: string): string =>
  contents(stream).reduce((rest, content) => rest.replace(content, ''), stream);

// Every end of data that somebody once believed in, and a few that nobody did yet.
const ends = [
  '\n.\n',
  '\n.\r\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\n',
  '\r\n.\r',
  '\n.\r',
  '\r.\n',
  '\r\n\x00.\r\n',
  '\r\n.\x00\r\n',
  '\r\n\x00.\x00\r\n',
  '\x00\r\n\x00\x00.\r\n',
  '\r\x00\n.\r\n',
  '\r\n.\r\x00\n',
  // What a hop without 8BITMIME may take off the eighth bit of.
  '\x8d\x8a.\x8d\x8a',
  '\r\n\xae\r\n',
  '\r\n.\r\r\n',
  '\r\n\n.\r\n',
  '\n\n.\n\n',
];
const shown = (text: string) => JSON.stringify(text).slice(1, -1);

/** How a careless hop would find the end of data. */
const careless = /(?:\r\n|\n|\r)\.(?:\r\n|\n|\r)/g;

describe('SMTP smuggling', () => {
  for (const end of ends)
    for (const how of ['refuse', 'normalise'] as const)
      it(`CVE-2023-51764, -51765, -51766: ${shown(end)} ends nothing where listeners ${how}`, async () => {
        const marker = nextMarker();
        const port = how === 'refuse' ? refusing : normalising;
        const stream = await arrives(
          port,
          marker,
          `EHLO a.test\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<bob@far.test>\r\nDATA\r\n` +
            `Subject: ${marker}\r\n\r\nharmless${end}${smuggled}evil\r\n.\r\nQUIT\r\n`,
        );
        const bare = /\r(?!\n)|(?<!\r)\n/.test(end);
        const strict = how === 'refuse' && bare ? 0 : 1;
        const mine = contents(stream).filter((content) => content.includes(marker));
        assert.equal(mine.length, strict);
        for (const content of mine) {
          assert.doesNotMatch(content, /(?<!\r)\n|\r(?!\n)/, 'no line ends in anything but CRLF');
          assert.equal(content.match(careless)?.length, 1, 'and there is one end of data');
          assert.doesNotMatch(content, /\0/, 'nor is there a NUL to stumble over, or to lose');
          const stripped = content.replace(/[\x80-\xff]/g, (c) =>
            String.fromCharCode(c.charCodeAt(0) & 0x7f),
          );
          assert.equal(stripped.match(careless)?.length, 1, 'with seven bits of each octet, too');
        }
        assert.doesNotMatch(commands(stream), /^MAIL FROM:<admin@here\.test>/m);
      });

  it('what was refused is nowhere', async () => {
    assert.ok(refusedMarkers.length > 5);
    assert.equal((await server.command('queue', 'list', '--json')).trim(), '');
    for (const marker of refusedMarkers)
      assert.ok(!hop.streams.some((text) => text.includes(`${marker}\r\n`)), marker);
  });

  it('RFC 3030: binary content by BDAT cannot end a message either', async () => {
    const marker = nextMarker();
    const body = `Subject: ${marker}\r\n\r\n${ends.map((end) => `x${end}${smuggled}`).join('')}\r\n`;
    const stream = await arrives(
      refusing,
      marker,
      `EHLO a.test\r\nMAIL FROM:<eve@evil.test> BODY=BINARYMIME\r\nRCPT TO:<bob@far.test>\r\n` +
        `BDAT ${body.length} LAST\r\n${body}QUIT\r\n`,
    );
    for (const content of contents(stream).filter((one) => one.includes(marker))) {
      assert.doesNotMatch(content, /(?<!\r)\n|\r(?!\n)/);
      assert.equal(content.match(careless)?.length, 1);
    }
    assert.doesNotMatch(commands(stream), /^MAIL FROM:<admin@here\.test>/m);
  });
});

describe('injection', () => {
  // Each is what the client calls itself; the header of what arrives must be the same lines as ever.
  const names = [
    'a) by evil (',
    'a; Fri, 1 Jan 1990 00:00:00 +0000',
    'a with ESMTPSA id 1',
    '(((((((',
    'a\\',
    'a"b',
    '__proto__',
    'a\tX-Evil: yes',
    '[127.0.0.1] (trusted',
    'x'.repeat(400),
  ];
  for (const name of names)
    it(`Received stays one well-formed field when a client says EHLO ${name.slice(0, 40)}`, async () => {
      const marker = nextMarker();
      const stream = await arrives(
        refusing,
        marker,
        `EHLO ${name}\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<bob@far.test>\r\nDATA\r\n` +
          `Subject: ${marker}\r\n\r\nHi.\r\n.\r\nQUIT\r\n`,
      );
      const [content = ''] = contents(stream).filter((one) => one.includes(marker));
      const header = content.slice(0, content.indexOf('\r\n\r\n'));
      const fields = header.split(/\r\n(?![ \t])/);
      assert.match(
        fields[0]!,
        /^Received: from .*\r\n\tby mx\.here\.test with ESMTP id \w+\r\n\tfor <bob@far\.test>;\r\n\t\w{3}, [^;]*$/,
      );
      assert.equal(fields.filter((field) => field.startsWith('Received:')).length, 1);
      assert.equal(fields.filter((field) => !/^(?:Received|Subject):/.test(field)).length, 0);
      // RFC 5322 §3.2.2: comments are closed again.
      const depth = [...fields[0]!].reduce((n, c) => n + (c === '(' ? 1 : c === ')' ? -1 : 0), 0);
      assert.equal(depth, 0);
    });

  const refused: [string, string[]][] = [
    ['MAIL FROM:<"a\rb"@evil.test>', ['500']],
    ['MAIL FROM:<"a\\\rb"@evil.test>', ['500']],
    ['MAIL FROM:<"a\nRCPT TO:<x@y>"@evil.test>', ['500']],
    ['MAIL FROM:<a@evil.test\r>', ['500']],
    ['MAIL FROM:<a\x00b@evil.test>', ['500']],
    ['MAIL FROM:<a@evil.test> ENVID=x+0D+0AX-Evil', ['501']],
    ['MAIL FROM:<a@evil.test> ENVID=x+00', ['501']],
    ['MAIL FROM:<a@evil.test> AUTH=x+0D+0A@evil.test', ['501', '555']],
    ['MAIL FROM:<a@evil.test> __proto__=x', ['501', '555']],
    ['MAIL FROM:<a@evil.test> constructor', ['555']],
    ['MAIL FROM:<a@evil.test> BODY=toString', ['501']],
    // Overlong, surrogate, beyond Unicode, cut off: none of it is UTF-8 (RFC 3629 §3).
    ['MAIL FROM:<a\xc0\xafb@evil.test> SMTPUTF8', ['500', '501']],
    ['MAIL FROM:<a\xed\xa0\x80b@evil.test> SMTPUTF8', ['500', '501']],
    ['MAIL FROM:<a\xf4\x90\x80\x80b@evil.test> SMTPUTF8', ['500', '501']],
    ['MAIL FROM:<a\xe2\x82@evil.test> SMTPUTF8', ['500', '501']],
    ['MAIL FROM:<a\xc2\x85b@evil.test> SMTPUTF8', ['501', '553']],
    ['__proto__', ['500']],
    ['constructor x', ['500']],
    ['toString', ['500']],
    ['hasOwnProperty __proto__', ['500']],
    ['AUTH __proto__', ['501', '502', '503', '504']],
  ];
  it('RFC 5321 §4.1.2, RFC 3461 §4: what could begin a line, or is no text, is refused', async () => {
    const ok = 'RSET\r\n';
    const said = await send(refusing, [
      `EHLO a.test\r\n${refused.map(([line]) => `${line}\r\n${ok}`).join('')}QUIT\r\n`,
    ]);
    const heard = codes(said).slice(2, -1);
    for (const [line, allowed] of refused) {
      // What ends in LF alone is a line too, with a refusal of its own.
      for (const _ of line.split('\n')) {
        const code = heard.shift() ?? '';
        assert.ok(allowed.includes(code), `${shown(line)} → ${code}`);
      }
      assert.equal(heard.shift(), '250', shown(line));
    }
    assert.deepEqual(heard, []);
  });

  it('RFC 3461 §4: nor may a recipient’s parameter', async () => {
    const lines = [
      'ORCPT=rfc822;x+0D+0AX-Evil:+20y',
      'ORCPT=rfc822;x+0A',
      'ORCPT=utf-8;\\x{0D}\\x{0A}',
      'ORCPT=__proto__',
      'NOTIFY=constructor',
      'toString=1',
    ];
    const said = await send(refusing, [
      `EHLO a.test\r\nMAIL FROM:<>\r\n${lines.map((p) => `RCPT TO:<x@far.test> ${p}\r\n`).join('')}QUIT\r\n`,
    ]);
    for (const code of codes(said).slice(3, -1)) assert.match(code, /^5/);
    assert.equal(codes(said).length, 4 + lines.length);
  });
});
