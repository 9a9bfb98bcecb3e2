import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { composedMessage } from './composed-message.ts';
import { parseMessage } from './parsed-message.ts';

const compose = (
  ...files: readonly {
    readonly name?: string;
    readonly type: string;
    readonly content: string | Buffer;
  }[]
) =>
  composedMessage({
    ...{ from: { address: 'ann@example.org' }, to: [{ address: 'bob@example.org' }], cc: [] },
    ...{ replyTo: [], fields: [], subject: 'Sent on', text: 'See below.', html: '' },
    ...{ date: 0, domain: 'example.org' },
    files: files.map(({ name = 'f', type, content }) => ({
      ...{ name, type, content: Buffer.from(content) },
    })),
  });

describe('a message that is composed', () => {
  it('RFC 2046 §5.2.1: has messages in it as they are, never in base64', () => {
    for (const [inside, encoding] of [
      ['Subject: inside\r\n\r\nWords.\r\n', '7bit'],
      ['Subject: inside\r\n\r\nW\u00f6rter.\r\n', '8bit'],
    ] as const) {
      const text = compose({ type: 'message/rfc822', content: inside }).toString();
      assert.ok(text.includes(`Content-Transfer-Encoding: ${encoding}\r\n\r\n${inside}`), text);
      // RFC 2045 §6.4
      const [header] = text.split('\r\n\r\n', 1);
      assert.equal(/Content-Transfer-Encoding: 8bit/.test(header!), encoding === '8bit');
      const [file] = parseMessage(Buffer.from(text)).attachments;
      assert.equal(file!.contentType, 'message/rfc822');
      assert.equal(file!.parts[0]?.header('subject'), 'inside');
    }
  });

  it('has those that SMTP would not take as files', () => {
    for (const inside of [
      `Subject: inside\r\n\r\n${'x'.repeat(999)}\r\n`,
      'Subject: inside\r\n\r\nbare\nline end\r\n',
      'Subject: inside\r\n\r\nbare\rline end\r\n',
      'Subject: inside\r\n\r\n\0\r\n',
      Buffer.from('Subject: inside\r\n\r\nW\xf6rter\r\n', 'latin1'),
    ]) {
      const message = compose({ type: 'message/rfc822', content: inside });
      const [file] = parseMessage(message).attachments;
      assert.equal(file!.contentType, 'application/octet-stream');
      assert.deepEqual(file!.content(), Buffer.from(inside));
    }
  });

  it('has other files in base64', () => {
    const message = compose({ type: 'text/csv', content: '1,2\r\n' });
    assert.match(message.toString(), /text\/csv[\s\S]*base64\r\n\r\nMSwyDQo=/);
  });

  it('RFC 2231 §3: has names of files in lines that SMTP takes, however long', () => {
    const name = `${'漢'.repeat(250)}.txt`;
    const message = compose({ name, type: 'text/plain', content: 'x' });
    for (const line of message.toString().split('\r\n')) assert.ok(line.length <= 998);
    assert.equal(parseMessage(message).attachments[0]!.filename, name);
  });
});
