// Header fields made to fit ASCII, for hops that take nothing else: raw 8-bit text, which old and
// careless programs put there, becomes encoded words (RFC 2047) or extended parameters (RFC 2231).
// What has no ASCII form, the local part of an address, cannot be made to fit.

import { domainToASCII } from 'node:url';
import { decodeEncodedWords, encodeHeaderText, encodePhrase } from '../fields/encoded-word.ts';
import { extendedParameter, valueCharsMax } from '../fields/extended-parameter.ts';
import { parseParameterised } from '../fields/parameters.ts';
import type { MailboxOrGroup, NamedMailbox } from '../fields/structured.ts';
import { parseAddressList } from '../fields/structured.ts';
import type { HeaderField } from '../header/header.ts';
import { foldHeader } from '../header/header.ts';

const addressFields = new Set(
  ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'].flatMap((name) => [name, `resent-${name}`]),
);
const parameterFields = new Set(['content-type', 'content-disposition']);

/** Fields of a grammar that has no place for encoded words. */
const structuredFields = new Set([
  ...['received', 'return-path', 'date', 'message-id', 'in-reply-to', 'references', 'mime-version'],
  ...['content-transfer-encoding', 'content-id', 'content-md5', 'content-location'],
  ...['dkim-signature', 'arc-seal', 'arc-message-signature', 'arc-authentication-results'],
  ...['authentication-results', 'list-unsubscribe', 'list-post', 'list-archive', 'list-help'],
]);

/** The field, folded and ended with CRLF; undefined when it cannot be had in ASCII. */
export function asciiField({ name, lowerName, value }: HeaderField): string | undefined {
  const text = asciiValue(lowerName, value);
  return text === undefined ? undefined : foldHeader(name, text);
}

function asciiValue(lowerName: string, value: string): string | undefined {
  if (addressFields.has(lowerName)) return asciiAddresses(parseAddressList(value));
  if (parameterFields.has(lowerName)) return asciiParameters(value);
  if (structuredFields.has(lowerName)) return value.replace(nonAscii, '?');
  // What is encoded already is part of the text: within an encoded word it would show as it is written.
  return encodeHeaderText(decodeEncodedWords(value));
}

const nonAscii = /[^\x00-\x7f]/gu;
const isAscii = (text: string): boolean => text.search(nonAscii) < 0;

function asciiAddresses(list: readonly MailboxOrGroup[]): string | undefined {
  const entries = list.map((entry) => {
    if (entry.kind === 'mailbox') return asciiMailbox(entry);
    const members = asciiAddresses(entry.mailboxes);
    return members === undefined ? undefined : `${encodePhrase(entry.name)}: ${members};`;
  });
  return entries.includes(undefined) ? undefined : entries.join(', ');
}

function asciiMailbox({ name, local, domain }: NamedMailbox): string | undefined {
  const asciiDomain = isAscii(domain) ? domain : domainToASCII(domain);
  if (!isAscii(local) || (domain !== '' && asciiDomain === '')) return undefined;
  const address = domain === '' ? quoteLocal(local) : `${quoteLocal(local)}@${asciiDomain}`;
  return name === undefined ? `<${address}>` : `${encodePhrase(name)} <${address}>`;
}

// RFC 5322 §3.4.1: local-part = dot-atom / quoted-string
const quoteLocal = (local: string): string =>
  /^[!#$%&'*+/=?^_`{|}~\w-]+(?:\.[!#$%&'*+/=?^_`{|}~\w-]+)*$/.test(local) ? local : quote(local);

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

function asciiParameters(field: string): string | undefined {
  const { value, rawParams } = parseParameterised(field);
  if (!isAscii(value)) return undefined;
  const params = rawParams.map((param) => {
    const quoted = quote(param.value);
    if (isAscii(param.name + quoted) && quoted.length <= valueCharsMax)
      return `${param.name}=${quoted}`;
    if (!isAscii(param.name) || param.name.includes('*')) return undefined;
    return extendedParameter(param.name, param.value).join('; ');
  });
  return params.includes(undefined) ? undefined : [value, ...params].join('; ');
}
