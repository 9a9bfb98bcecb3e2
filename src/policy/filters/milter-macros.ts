// The macros that milters ask for, by Sendmail's names: what is known of the client, of who sends and of whom the
// message is for. What is not known has no value, and is not sent.

import { isIP } from 'node:net';
import type { ReversePath } from '../../mail/fields/address.ts';
import { formatMailbox } from '../../mail/fields/address.ts';
import type { Macros } from '../../milter/session.ts';
import type { AcceptedRecipient, ClientFacts } from '../envelope.ts';

export interface MacroFacts {
  readonly hostname: string;
  readonly version: string;
  readonly client: ClientFacts;
  /** The client's name in the DNS, if it leads back to its address. */
  readonly clientName: string | undefined;
  readonly sender?: ReversePath | undefined;
  readonly recipient?: Pick<AcceptedRecipient, 'named' | 'targets'> | undefined;
  /** A recipient that was refused: the reply. */
  readonly refused?: { readonly status: string; readonly text: string } | undefined;
  /** The message's id in the queue, made if it is asked for. */
  readonly id?: (() => string) | undefined;
}

type Value = (facts: MacroFacts) => string | undefined;

const values: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['j', ({ hostname }) => hostname],
  ['i', ({ id }) => id?.()],
  ['v', ({ version }) => version],
  ['_', ({ client, clientName }) => `${clientName ?? 'unknown'} [${client.remote.address}]`],
  ['daemon_name', ({ hostname }) => hostname],
  ['daemon_addr', ({ client }) => client.local.address],
  ['daemon_port', ({ client }) => String(client.local.port)],
  ['if_name', ({ hostname }) => hostname],
  ['if_addr', ({ client }) => client.local.address],
  ['client_addr', ({ client }) => client.remote.address],
  ['client_port', ({ client }) => String(client.remote.port)],
  ['client_name', ({ clientName }) => clientName ?? 'unknown'],
  ['client_ptr', ({ clientName }) => clientName ?? 'unknown'],
  ['client_resolve', ({ clientName }) => (clientName === undefined ? 'FAIL' : 'OK')],
  ['tls_version', ({ client }) => client.tls?.protocol],
  ['cipher', ({ client }) => client.tls?.cipher],
  ['cipher_bits', ({ client }) => bitsOf(client.tls?.cipher)],
  ['cert_subject', ({ client }) => client.tls?.peerNames[0]],
  ['verify', ({ client }) => (client.tls === undefined ? undefined : verified(client.tls))],
  ['auth_type', ({ client }) => client.mechanism],
  ['auth_authen', ({ client }) => client.account],
  ['mail_addr', ({ sender }) => (sender === null ? '' : sender && formatMailbox(sender))],
  ['mail_host', ({ sender }) => (sender === null ? '' : sender?.domain)],
  ['mail_mailer', ({ sender }) => (sender === undefined ? undefined : 'smtp')],
  ['rcpt_addr', ({ recipient, refused }) => refused?.text ?? addressOf(recipient)],
  ['rcpt_host', ({ recipient, refused }) => refused?.status ?? recipient?.named.domain],
  ['rcpt_mailer', ({ recipient, refused }) => (refused ? 'error' : mailerOf(recipient))],
]);

export const macrosOf =
  (facts: MacroFacts): Macros =>
  (name) =>
    values.get(name.replace(/^\{(.*)\}$/, '$1'))?.(facts);

/** Field: the name in brackets where there is none, as Sendmail and Postfix give it. */
export function milterClient({ remote }: ClientFacts, name: string | undefined) {
  const address = isIP(remote.address) === 0 ? undefined : remote.address;
  return { name: name ?? `[${remote.address}]`, address, port: remote.port };
}

const addressOf = (recipient: MacroFacts['recipient']): string | undefined =>
  recipient === undefined ? undefined : formatMailbox(recipient.named);

const mailerOf = (recipient: MacroFacts['recipient']): string | undefined =>
  recipient?.targets.some(({ account }) => account !== undefined) === true
    ? 'local'
    : recipient && 'smtp';

const verified = ({ verified: good, peerNames }: NonNullable<ClientFacts['tls']>): string =>
  good ? 'OK' : peerNames.length === 0 ? 'NO' : 'FAIL';

/** `TLS_AES_256_GCM_SHA384` has 256. */
const bitsOf = (cipher: string | undefined): string | undefined =>
  cipher === undefined
    ? undefined
    : cipher.includes('CHACHA20')
      ? '256'
      : /(128|256)/.exec(cipher)?.[1];
