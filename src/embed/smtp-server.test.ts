import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { sendMail } from '../deliver/send-mail.ts';
import { reply } from '../smtp/reply.ts';
import type { ReceivedMessage, SmtpServerOptions } from './smtp-server.ts';
import { SmtpServer } from './smtp-server.ts';

const letter = {
  host: '127.0.0.1',
  from: 'ann@example.org',
  to: 'bob@example.net',
  message: 'Subject: Hello\r\n\r\nIt works.\r\n',
};

/** What a server with these options gets of one letter. */
async function receive(
  options: Partial<SmtpServerOptions>,
  sending: Partial<Parameters<typeof sendMail>[0]> = {},
): Promise<{ readonly message: ReceivedMessage; readonly raw: string }> {
  let got: { message: ReceivedMessage; raw: string } | undefined;
  await using server = await new SmtpServer({
    onMessage: async (message) => {
      got = { message, raw: (await message.raw()).toString() };
    },
    ...options,
  }).listen();
  await sendMail({ ...letter, port: server.port, tls: 'none', ...sending });
  assert.ok(got !== undefined);
  return got;
}

describe('SmtpServer', () => {
  it('hands over sender, recipients, header and content, the trace field in front', async () => {
    const { message, raw } = await receive({ hostname: 'mx.example.net' });
    assert.equal(message.from, 'ann@example.org');
    assert.deepEqual(message.to, ['bob@example.net']);
    assert.match(raw, /^Received: [\s\S]+\r\nSubject: Hello\r\n\r\nIt works\.\r\n$/);
    assert.match(raw, /\r\n\tby mx\.example\.net with /);
  });

  const login = {
    onAuth: (user: string, password: string) => (password === 'secret' ? user : undefined),
  };
  const auth = { user: 'ann@example.org', password: 'secret' };
  const protocols: readonly (readonly [
    string,
    Partial<SmtpServerOptions>,
    Partial<Parameters<typeof sendMail>[0]>,
  ])[] = [
    ['ESMTP', {}, {}],
    ['ESMTPS', { tls: 'self-signed' }, { tls: 'require' }],
    ['ESMTPA', { ...login, insecureAuth: true }, { auth }],
    ['ESMTPSA', { ...login, tls: 'self-signed', service: 'submission' }, { tls: 'require', auth }],
  ];
  for (const [protocol, options, sending] of protocols)
    it(`RFC 3848 §2: Received says it came by ${protocol}`, async () => {
      const { raw } = await receive(options, sending);
      assert.match(raw, new RegExp(`with ${protocol}\\b`));
    });

  for (const [stage, options] of [
    ['onConnect', { onConnect: () => reply(554, '7.1', 'No') }],
    ['onMail', { onMail: () => reply(550, '7.1', 'No') }],
    ['onRecipient', { onRecipient: () => reply(550, '7.1', 'No') }],
    ['onMessage', { onMessage: () => reply(550, '7.1', 'No') }],
  ] as const)
    it(`${stage} may refuse, in its own words`, () =>
      assert.rejects(receive(options), /55[04] 5\.7\.1 No/));

  it('a hook that throws is "try again later", and says nothing of why', async () => {
    const broken = () => {
      throw new Error('the password of the database is hunter2');
    };
    await assert.rejects(receive({ onMessage: broken, log: silentLog }), (error: Error) => {
      assert.match(error.message, /451 4\.3\.0/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });

  it('RFC 1870 §6.1: has limits, also when none were asked for', async () => {
    const size = { limits: { messageBytes: 20 } };
    await assert.rejects(receive(size), /5\.3\.4|exceeds|too big/i);
  });

  it('content too large for memory is a file while onMessage runs, and gone afterwards', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(4_000);
    const { message, raw } = await receive({}, { message: `Subject: big\r\n\r\n${body}` });
    assert.ok(message.size > body.length);
    assert.ok(raw.endsWith(body));
    await assert.rejects(message.raw());
  });

  it('knows both ends of the connection, also when the client is gone', async () => {
    const { message } = await receive({});
    assert.equal(message.client.local.address, '127.0.0.1');
    assert.ok(message.client.local.port > 0 && message.client.remote.port > 0);
  });

  it('what a hook threw is in the log, which is stderr unless told otherwise', async () => {
    const lines: string[] = [];
    const log = { ...silentLog, error: (event: string) => void lines.push(event) };
    const broken = () => {
      throw new Error('broken');
    };
    await assert.rejects(receive({ onMessage: broken, log }));
    assert.deepEqual(lines, ['unforeseen failure']);
  });

  it('listens once at a time; a port in use is an error that leaves nothing', async () => {
    const options: SmtpServerOptions = { tls: 'self-signed', onMessage: () => {} };
    await using server = await new SmtpServer(options).listen();
    await assert.rejects(server.listen(), /listening already/);
    const other = new SmtpServer(options);
    await assert.rejects(other.listen({ port: server.port }), /in use/);
    assert.equal(other.port, 0);
    await other.close();
    const { port } = server;
    await server.close();
    await server.close();
    await other.listen({ port });
    await other.close();
  });

  it('close() lets an open transaction finish', async () => {
    const received: string[] = [];
    const server = await new SmtpServer({
      onMessage: async (message) => void received.push((await message.header('subject')) ?? ''),
    }).listen();
    const closing = Promise.withResolvers<void>();
    const trace = (_: unknown, line: string) => {
      // The server is told to close between RCPT and DATA.
      if (line.startsWith('250') && line.includes('2.1.5'))
        void server.close().then(closing.resolve, closing.reject);
    };
    await sendMail({ ...letter, port: server.port, tls: 'none', trace });
    await closing.promise;
    assert.deepEqual(received, ['Hello']);
    assert.equal(server.connections, 0);
  });
});
