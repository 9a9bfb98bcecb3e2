// What a server said it can do, in its reply to EHLO or LHLO. RFC 5321 §4.1.1.1. Everything after a
// keyword comes from the peer: it is looked up in a Map and read with limits, never trusted.

import type { Reply } from '../reply.ts';

export interface Capabilities {
  /** What it calls itself. */
  readonly name: string;
  /** False after HELO: then there are no keywords. */
  readonly extended: boolean;
  /** Upper-case keyword to the text after it. */
  readonly keywords: ReadonlyMap<string, string>;
  readonly pipelining: boolean;
  readonly chunking: boolean;
  /** RFC 1870 §4. Infinity when it declares no limit. */
  readonly messageBytesMax: number;
  /** SASL mechanisms, upper case, in the server's order. RFC 4954 §3. */
  readonly mechanisms: readonly string[];
  /** RFC 9422 §4: how many recipients in one transaction, Infinity if not said. */
  readonly recipientsMax: number;
  /** How many transactions in one session. */
  readonly messagesMax: number;
  /** How many different recipient domains in one session. */
  readonly recipientDomainsMax: number;
}

const noKeywords: ReadonlyMap<string, string> = new Map();

export const noCapabilities: Capabilities = capabilitiesOf('', false, noKeywords);

export function parseCapabilities(reply: Reply, extended: boolean): Capabilities {
  const name = reply.lines[0].split(' ', 1)[0] ?? '';
  if (!extended) return capabilitiesOf(name, false, noKeywords);
  const keywords = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    // RFC 5321 §4.1.1.1: ehlo-line = ehlo-keyword *( SP ehlo-param )
    // Field: `AUTH=PLAIN LOGIN` is how servers offered AUTH before RFC 2554; some still do both.
    const match = /^([a-z0-9][a-z0-9-]*)(?:[ =]\s*(.*))?$/i.exec(line.trimEnd());
    if (match === null) continue;
    const keyword = match[1]!.toUpperCase();
    const before = keywords.get(keyword);
    const text = match[2] ?? '';
    keywords.set(keyword, before === undefined || before === '' ? text : `${before} ${text}`);
  }
  return capabilitiesOf(name, true, keywords);
}

function capabilitiesOf(
  name: string,
  extended: boolean,
  keywords: ReadonlyMap<string, string>,
): Capabilities {
  const size = number(keywords.get('SIZE') ?? '');
  const limits = keywords.get('LIMITS') ?? '';
  return {
    name,
    extended,
    keywords,
    pipelining: keywords.has('PIPELINING'),
    chunking: keywords.has('CHUNKING'),
    messageBytesMax: size === undefined || size === 0 ? Infinity : size,
    mechanisms: [...new Set((keywords.get('AUTH') ?? '').toUpperCase().split(' '))].filter(
      (mechanism) => mechanism !== '',
    ),
    recipientsMax: limit(limits, /(?:^|[ ,])RCPTMAX=(\d+)/i),
    messagesMax: limit(limits, /(?:^|[ ,])MAILMAX=(\d+)/i),
    recipientDomainsMax: limit(limits, /(?:^|[ ,])RCPTDOMAINMAX=(\d+)/i),
  };
}

// RFC 9422 §4: limits are NAME=value; what we do not understand is ignored, a zero makes no sense.
function limit(text: string, name: RegExp): number {
  const value = number(name.exec(text)?.[1] ?? '');
  return value === undefined || value === 0 ? Infinity : value;
}

function number(text: string): number | undefined {
  return /^\d{1,20}$/.test(text) ? Number(text) : undefined;
}
