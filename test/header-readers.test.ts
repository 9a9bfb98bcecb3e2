// One verdict: where the header of a message ends, and what its fields are, is the same to everything
// here that reads one. RFC 5322 §2.2.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { deliveredBefore } from '../src/deliver/local/local.ts';
import { headerHas8Bit } from '../src/deliver/relay/next-hop.ts';
import { formatBodyStructure } from '../src/imap/body-structure.ts';
import { formatEnvelope } from '../src/imap/envelope.ts';
import { selectFields } from '../src/imap/section.ts';
import { convertContent } from '../src/mail/conversion/transfer-encoding.ts';
import { messageFacts } from '../src/mail/digest/message-facts.ts';
import { findHeaderEnd, scanHeader } from '../src/mail/header/header.ts';
import { countReceived } from '../src/mail/trace/loop.ts';
import { MessageEncoder } from '../src/pop3/message-encoder.ts';
import { Output } from '../src/pop3/output.ts';
import { memoryContent } from '../src/store/content.ts';
import { headerFields, headerText } from '../src/store/search/message-text.ts';

const message = (...lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1');

function top(bytes: Uint8Array, lines: number): string {
  const output = new Output();
  new MessageEncoder(output, { utf8: true, bodyLines: lines }).whole(bytes);
  return Buffer.concat(output.take().map((piece) => Buffer.from(piece))).toString('latin1');
}

describe('RFC 5322 §2.2: a line that is no field', () => {
  const astray = [
    'stray line',
    '=?us-ascii?Q?word?=',
    'My Name: x',
    'N\xe4me: x',
    '\0\x01',
    'From ann',
  ];
  for (const line of astray) {
    const bytes = message(
      ...['Received: by mx.test', 'From: ann@x.test', line, '\xef\xbb\xbfSubject: found'],
      ...['Date: 1 Jan 2026 00:00 +0000', line, 'Message-ID: <1@x.test>', 'Received: by mx.test'],
      ...['Delivered-To: Bob@x.test', 'Content-Type: multipart/mixed; boundary=b', '', '--b', line],
      ...['Content-Type: text/html', '', '<p>body', '--b--', ''],
    );
    const end = bytes.indexOf('\r\n\r\n') + 4;

    it(`${JSON.stringify(line)} is passed over by every reader`, async () => {
      assert.equal(findHeaderEnd(bytes), end);
      const { hasDate, hasFrom, messageId, received, complete } = scanHeader(bytes, true);
      assert.deepEqual(
        [hasDate, hasFrom, messageId, received, complete],
        [true, true, '<1@x.test>', 2, true],
      );
      assert.deepEqual(countReceived(bytes, 'mx.test'), { all: 2, ours: 2 });
      const { digest, text } = messageFacts(bytes);
      assert.match(
        formatEnvelope(digest.envelope),
        /^\("1 Jan 2026 00:00 \+0000" "found" .*"<1@x\.test>"\)$/s,
      );
      assert.match(formatBodyStructure(digest.body), /"text" "html".*"mixed"/is);
      assert.equal(text.trim(), 'body');
      const names = new Set(['subject', 'message-id']);
      const select = { names, matching: true, hasBody: true };
      assert.equal(
        Buffer.from(selectFields(bytes.subarray(0, end), select)).toString('latin1'),
        'Subject: found\r\nMessage-ID: <1@x.test>\r\n\r\n',
      );
      assert.equal(top(bytes, 1), `${bytes.toString('latin1', 0, end)}--b\r\n.\r\n`);
      assert.deepEqual(deliveredBefore(bytes), new Set(['bob@x.test']));
      assert.ok(headerText(bytes, headerFields(bytes)).includes('subject: found'));
      // The mark is of 8 bits.
      assert.equal(await headerHas8Bit(memoryContent(bytes)), true);
      const converted = await convertContent(memoryContent(bytes), '7bit');
      assert.equal(converted.kind, 'converted');
      const pieces: Uint8Array[] = [];
      if (converted.kind === 'converted')
        for await (const piece of converted.read()) pieces.push(piece.slice());
      assert.match(Buffer.concat(pieces).toString('latin1'), /\r\nSubject: found\r\nDate: /);
    });
  }

  it('text behind a header without an empty line stays text to every reader', async () => {
    const text =
      'Hello,\r\nNote: this\r\nReceived it?\r\n\r\nDate: x\r\nDelivered-To: bob@x.test\r\n';
    const bytes = message('Received: by mx.test', 'Subject: found', text);
    assert.equal(bytes.toString('latin1', findHeaderEnd(bytes)), text);
    assert.deepEqual(countReceived(bytes, 'mx.test'), { all: 1, ours: 1 });
    assert.equal(scanHeader(bytes).hasDate, false);
    assert.equal(messageFacts(bytes).text, text);
    assert.equal(top(bytes, 1), 'Received: by mx.test\r\nSubject: found\r\nHello,\r\n.\r\n');
    assert.equal(deliveredBefore(bytes), undefined);
    const eightBit = message('Subject: found', 'H\xe4llo');
    assert.equal(await headerHas8Bit(memoryContent(eightBit)), false);
  });

  const found = join(import.meta.dirname, '../../shared/data/found');
  const skip = existsSync(found) ? false : `NOT TESTED: ${found} is not there`;

  it('02-stray-header-line.eml', { skip }, () => {
    const bytes = readFileSync(join(found, '02-stray-header-line.eml'));
    const { digest } = messageFacts(bytes);
    assert.match(formatEnvelope(digest.envelope), /"after the stray line"/);
    assert.match(formatEnvelope(digest.envelope), /\(\(NIL NIL "b" "x\.test"\)\)/);
    assert.match(formatBodyStructure(digest.body), /"html".*"alternative"/is);
  });

  it('02b-unindented-continuation.eml', { skip }, () => {
    const { digest, sortKeys } = messageFacts(
      readFileSync(join(found, '02b-unindented-continuation.eml')),
    );
    assert.match(formatEnvelope(digest.envelope), /"=\?us-ascii\?Q\?Order_incl\?="/);
    assert.match(formatEnvelope(digest.envelope), /\(\(NIL NIL "b" "x\.test"\)\)/);
    assert.equal(sortKeys.sentMs, Date.UTC(2026, 1, 12, 12, 21, 3));
  });
});
