// What we say we can: RFC 9051 §6.1.1 and §7.2.2. One table; what is not in it is not offered. Before
// login only what helps to log in is listed, which is what a stranger needs to know.

import type { Enabled, ImapFacts } from './event.ts';

const always = ['IMAP4rev2', 'IMAP4rev1', 'SASL-IR', 'ID', 'ENABLE'] as const;

/** RFC 7888 §5: never both. Strangers may not send much unasked. */
const beforeLogin = ['LITERAL-'] as const;

const afterLogin = [
  'LITERAL+',
  'IDLE',
  'NAMESPACE',
  'CHILDREN',
  'UIDPLUS',
  'MOVE',
  'UNSELECT',
  'ESEARCH',
  'SEARCHRES',
  'WITHIN',
  'SORT',
  'SORT=DISPLAY',
  'ESORT',
  'THREAD=ORDEREDSUBJECT',
  'THREAD=REFERENCES',
  'PARTIAL',
  'CONDSTORE',
  'QRESYNC',
  'UIDONLY',
  'UTF8=ACCEPT',
  'BINARY',
  'CATENATE',
  'URLAUTH',
  'MULTIAPPEND',
  'REPLACE',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'LIST-MYRIGHTS',
  'LIST-METADATA',
  'SPECIAL-USE',
  'CREATE-SPECIAL-USE',
  'STATUS=SIZE',
  'OBJECTID',
  'SAVEDATE',
  'PREVIEW',
  'ACL',
  'RIGHTS=texk',
  'QUOTA',
  'QUOTA=RES-STORAGE',
  'QUOTA=RES-MESSAGE',
  'METADATA',
  'METADATA-SERVER',
  'NOTIFY',
  'INPROGRESS',
] as const;

/** RFC 5161 §3.1: what ENABLE can turn on, by the name in upper case; and how it is written. */
export const enableable: ReadonlyMap<string, readonly [Enabled, string]> = new Map(
  (
    [
      ['IMAP4REV2', 'IMAP4rev2'],
      ['CONDSTORE', 'CONDSTORE'],
      ['QRESYNC', 'QRESYNC'],
      ['UTF8=ACCEPT', 'UTF8=ACCEPT'],
      ['UIDONLY', 'UIDONLY'],
    ] as const
  ).map(([name, shown]) => [name, [name, shown]]),
);

/** PLAIN is what LOGIN sends: where the one is not offered, nor is the other. RFC 9051 §6.2.3. */
export const offersLogin = ({ mechanisms }: Pick<ImapFacts, 'mechanisms'>): boolean =>
  mechanisms.includes('PLAIN');

/** Separated by spaces. */
export function capabilitiesBeforeLogin(facts: ImapFacts): string {
  const offered: string[] = [...always, ...beforeLogin];
  if (facts.startTls && !facts.secure) offered.push('STARTTLS');
  for (const mechanism of facts.mechanisms) offered.push(`AUTH=${mechanism}`);
  if (!offersLogin(facts)) offered.push('LOGINDISABLED');
  return offered.join(' ');
}

export function capabilitiesAfterLogin({ limits }: ImapFacts, compressed: boolean): string {
  const offered: string[] = [...always, ...afterLogin, `APPENDLIMIT=${limits.messageSize}`];
  // RFC 4978 §3: not a second time. RFC 8437 §4.1 would end the compression, which we cannot.
  if (!compressed) offered.push('COMPRESS=DEFLATE', 'UNAUTHENTICATE');
  return offered.join(' ');
}
