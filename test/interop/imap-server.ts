// The server that the IMAP interop tests read from: one account with three messages, and what it takes
// for strict clients to trust it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import nodemailer from 'nodemailer';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, mailbox, startProcess } from '../process.ts';
import type { ImapClient } from '../scenarios/imap-wire.ts';
import { connectImap } from '../scenarios/imap-wire.ts';

export const password = 'correct horse battery staple';
export const ann = 'ann@postrider.test';
export const host = '127.0.0.1';

export interface ImapServer extends AsyncDisposable {
  readonly server: RunningProcess;
  /** With STARTTLS. */
  readonly imap: number;
  /** With TLS from the first octet. */
  readonly implicit: number;
  /** One more message for ann, and waits until it lies in her mailbox. */
  send(subject: string, text: string): Promise<void>;
  /** The server's certificate in a PEM file. */
  certificateFile(): Promise<string>;
  /** Logged in as ann. */
  login(): Promise<ImapClient>;
}

/** "message 1" is short, "message 2" has an attachment and names beyond ASCII, "message 3" is large. */
export async function startImapServer(): Promise<ImapServer> {
  const [smtp, imap, implicit] = (await freePorts(3)) as [number, number, number];
  const server = await startProcess({
    hostname: 'imap.postrider.test',
    domains: ['postrider.test'],
    listeners: [
      { service: 'smtp', host, port: smtp },
      { service: 'imap', host, port: imap },
      { service: 'imap', host, port: implicit, tls: 'implicit' },
    ],
    tls: 'self-signed',
  });
  await server.commandWithInput(`${password}\n`, 'account', 'add', ann, '--password-stdin');
  const transport = nodemailer.createTransport({ host, port: smtp, ignoreTLS: true });
  let sent = 0;
  const submit = async (mail: object): Promise<void> => {
    await transport.sendMail({ from: 'Bob <bob@example.net>', to: ann, ...mail });
    sent += 1;
    const arrived = async () => ((await mailbox(server, ann)).length >= sent ? true : undefined);
    await eventually(arrived, `message ${sent}\n${server.log()}`);
  };
  await submit({ subject: 'message 1', text: 'hello' });
  await submit({
    subject: 'message 2 with Käse',
    text: 'See the list.',
    attachments: [{ filename: 'Einkäufe.csv', content: 'Käse;1\r\n' }],
  });
  await submit({ subject: 'message 3', text: 'x'.repeat(70).concat('\r\n').repeat(10_000) });
  return {
    server,
    imap,
    implicit,
    send: (subject, text) => submit({ subject, text }),
    certificateFile: async () => {
      const path = join(server.directory, 'certificate.pem');
      writeFileSync(path, await certificate(implicit));
      return path;
    },
    login: async () => {
      const client = await connectImap(implicit);
      await client.ask(`LOGIN ${ann} "${password}"`);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What a server shows at a port with TLS from the first octet, in PEM. */
export const certificate = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host, rejectUnauthorized: false }, () => {
      const base64 = socket.getPeerCertificate().raw.toString('base64');
      const lines = base64.replace(/.{64}(?=.)/g, '$&\n');
      resolve(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
      socket.destroy();
    });
    socket.once('error', reject);
  });
