// The macros that milters ask for, by Sendmail's names: what is known of the client, of who sends and of whom the
// message is for. What is not known has no value, and is not sent.

import { isIP } from 'node:net';
import type { ReversePath } from '../../mail/fields/address.ts';
import { formatMailbox } from '../../mail/fields/address.ts';
import type { Macros } from '../../milter/session.ts';
import type { IprevVerdict } from '../../trust/iprev.ts';
import type { AcceptedRecipient, ClientFacts } from '../envelope.ts';

export interface MacroFacts {
  readonly hostname: string;
  readonly version: string;
  readonly client: ClientFacts;
  /** The client's name in the DNS; undefined: nobody has asked. */
  readonly reverse: IprevVerdict | undefined;
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
  ['_', told],
  ['daemon_name', ({ hostname }) => hostname],
  ['daemon_addr', ({ client }) => client.local.address],
  ['daemon_port', ({ client }) => String(client.local.port)],
  ['if_name', ({ hostname }) => hostname],
  ['if_addr', ({ client }) => client.local.address],
  // Field: Sendmail and Postfix mark IPv6 as address literals do, and here alone.
  ['client_addr', ({ client }) => marked(client.remote.address)],
  ['client_port', ({ client }) => String(client.remote.port)],
  ['client_name', ({ reverse }) => reverse?.name ?? unknown],
  ['client_ptr', claimedName],
  ['client_resolve', resolved],
  ['tls_version', ({ client }) => client.tls?.protocol],
  ['cipher', ({ client }) => client.tls?.cipher],
  ['cipher_bits', ({ client }) => bitsOf(client.tls?.cipher)],
  // Field: as with Postfix, only of a certificate that is good: anybody can write a name into one.
  ['cert_subject', ({ client: { tls } }) => (tls?.verified ? tls.peerNames[0] : undefined)],
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

const unknown = 'unknown';

/** The name that the client's address has, whether it leads back or not. */
function claimedName({ reverse }: MacroFacts): string {
  const name = reverse?.name ?? reverse?.claimed ?? '';
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/i.test(name) ? name : unknown;
}

function told(facts: MacroFacts): string {
  const name = claimedName(facts);
  const isDoubtful = name !== (facts.reverse?.name ?? unknown);
  return `${name} [${facts.client.remote.address}]${isDoubtful ? ' (may be forged)' : ''}`;
}

function resolved(facts: MacroFacts): string {
  switch (facts.reverse?.result) {
    case 'pass':
      return 'OK';
    case 'temperror':
      return 'TEMP';
    default:
      return claimedName(facts) === unknown ? 'FAIL' : 'FORGED';
  }
}

const marked = (address: string): string => (isIP(address) === 6 ? `IPv6:${address}` : address);

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
