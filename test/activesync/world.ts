// A server with two accounts, and phones that are theirs: for tests of Exchange ActiveSync.

import assert from 'node:assert/strict';
import type { Fields } from '../../src/base/log.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import type { ImapClient } from '../scenarios/imap-wire.ts';
import { connectImap } from '../scenarios/imap-wire.ts';
import { Phone } from './phone.ts';
import type { Node } from './wire.ts';

export const password = 'correct horse battery';
export const [ann, bob] = ['ann@example.org', 'bob@example.org'];
export const local = { host: '127.0.0.1', port: 0 } as const;
export const config: ConfigInput = {
  domains: ['example.org'],
  tls: 'self-signed',
  activeSync: {},
  listeners: [
    { service: 'smtp', ...local },
    { service: 'imap', ...local, tls: 'implicit' },
    { service: 'http', ...local },
  ],
};

export const start = (more: ConfigInput = {}) =>
  startTestServer({
    accounts: [ann, bob].map((address) => ({ address, password })),
    config: { ...config, ...more },
  });

/** One account; what is logged is kept. */
export async function startLogged(more: ConfigInput = {}) {
  const lines: (Fields & { readonly event: string })[] = [];
  const note = (event: string, fields: Fields = {}) => void lines.push({ event, ...fields });
  const server = await startTestServer({
    accounts: [{ address: ann, password }],
    config: { ...config, ...more },
    log: { debug: note, info: note, warn: note, error: note },
  });
  return { server, lines, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** What a phone of version 16.1 says with each request, made by hand. */
export const headersOf = (phone: Phone) => ({
  authorization: `Basic ${Buffer.from(`${ann}:${password}`).toString('base64')}`,
  'content-type': 'application/vnd.ms-sync.wbxml',
  'ms-asprotocolversion': '16.1',
  'x-ms-policykey': phone.policyKey,
});

export const urlOf = (server: TestServer): string =>
  `http://127.0.0.1:${server.listeners.find(({ service }) => service === 'http')!.port}`;

export const phoneOf = (server: TestServer, version: string, user = ann): Phone =>
  new Phone({ url: urlOf(server), user, password, version, base64: version === '14.1' });

export async function imap(server: TestServer, account = ann): Promise<ImapClient> {
  const { port } = server.listeners.find(({ service }) => service === 'imap')!;
  const client = await connectImap(port);
  assert.match((await client.ask(`LOGIN ${account} "${password}"`)).at(-1)!, / OK /);
  return client;
}

export async function arrive(server: TestServer, subject: string, more = ''): Promise<void> {
  const message = `From: Carol <carol@far.test>\r\nTo: ${ann}\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@far.test>\r\n${more || `\r\nThis is ${subject}.\r\n`}`;
  await server.send({ from: 'carol@far.test', to: ann, message });
  await server.waitFor((each) => each.subject === subject);
}

export const [inboxType, draftsType, trashType, sentType] = ['2', '3', '4', '5'] as const;
export const versions = ['12.1', '14.0', '14.1', '16.0', '16.1'] as const;

export const changeOf = (id: string, ...data: readonly Node[]): Node => [
  'AirSync:Commands',
  ['AirSync:Change', ['AirSync:ServerId', id], ['AirSync:ApplicationData', ...data]],
];

export const reply = (subject: string, to = 'carol@far.test'): Buffer =>
  Buffer.from(
    `From: ${ann}\r\nTo: ${to}\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nMy words.\r\n`,
  );

export async function send(
  phone: Phone,
  command: string,
  mime: Buffer,
  source?: string,
): Promise<void> {
  const [folder] = source?.split(':') ?? [];
  const answer =
    phone.options.version === '12.1'
      ? await phone.ask(command, mime, {
          query: `&SaveInSent=T${source === undefined ? '' : `&CollectionId=${folder}&ItemId=${source}`}`,
        })
      : await phone.ask(command, [
          `ComposeMail:${command}`,
          ['ComposeMail:ClientId', `${command}-${mime.length}`],
          ['ComposeMail:SaveInSentItems'],
          ...(source === undefined
            ? []
            : [
                [
                  'ComposeMail:Source',
                  ['ComposeMail:FolderId', folder!],
                  ['ComposeMail:ItemId', source],
                ] as const,
              ]),
          ['ComposeMail:MIME', mime],
        ]);
  assert.equal(answer.status, 200, `${command}: ${answer.octets}`);
  assert.equal(answer.octets.length, 0);
}

/** Time goes on until it is answered. */
export async function during<T>(server: TestServer, pending: Promise<T>, stepMs = 200): Promise<T> {
  let over = false;
  const settled = pending.finally(() => {
    over = true;
  });
  while (!over) {
    await server.advance(stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}
