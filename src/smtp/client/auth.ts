// The words of AUTH: a SASL mechanism's bytes as command lines and answers. RFC 4954 §4.

import type { SaslClient } from '../../sasl/mechanism.ts';
import { reply as makeReply } from '../reply.ts';

/** RFC 4954 §4: AUTH with its initial response is a command line like any other. */
const commandBytesMax = 512;

export const saslFailed = makeReply(
  454,
  '7.0',
  'The login was cancelled: the challenge made no sense',
);

export interface AuthCommand {
  readonly line: string;
  /** The line without its secret, for traces. */
  readonly shown: string;
  /** The initial response, where it has to wait for a challenge. */
  readonly held: Uint8Array | undefined;
}

export function authCommand(client: SaslClient): AuthCommand {
  const bare = `AUTH ${client.mechanism}`;
  const initial = client.initial();
  const argument = initial === undefined ? undefined : encodeInitial(initial);
  // RFC 4954 §4: no initial response when the line would be too long; it answers a challenge then.
  if (argument === undefined || bare.length + argument.length + 3 > commandBytesMax)
    return { line: bare, shown: bare, held: initial };
  return { line: `${bare} ${argument}`, shown: `${bare} ***`, held: undefined };
}

// RFC 4954 §4: "=" is an initial response of no octets.
const encodeInitial = (bytes: Uint8Array): string =>
  bytes.length === 0 ? '=' : Buffer.from(bytes).toString('base64');

/** Undefined when the challenge is no base64, or the mechanism will not have it. */
export function saslAnswer(
  { client, held }: { readonly client: SaslClient; readonly held: Uint8Array | undefined },
  text: string,
): string | undefined {
  if (held !== undefined) return Buffer.from(held).toString('base64');
  // RFC 4954 §4: a challenge that cannot be decoded cancels the exchange.
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.trim()))
    return undefined;
  try {
    return Buffer.from(client.respond(Buffer.from(text.trim(), 'base64'))).toString('base64');
  } catch {
    return undefined;
  }
}
