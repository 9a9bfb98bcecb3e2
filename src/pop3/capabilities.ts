// What CAPA lists: one line for each capability, from what the session may do now. RFC 2449 §5 and §6.

import type { Pop3Facts } from './event.ts';

interface Capability {
  readonly tag: string;
  /** Arguments ('' for none), or undefined where it is not offered. */
  offer(facts: Pop3Facts, loggedIn: boolean): string | undefined;
}

const always = () => '';

// RFC 2449 §5: what is available before a login is announced after it as well, STLS apart: it is
// announced where it is permitted (RFC 2595 §4).
const capabilities: readonly Capability[] = [
  { tag: 'TOP', offer: always },
  { tag: 'UIDL', offer: always },
  { tag: 'USER', offer: ({ mechanisms }) => (mechanisms.includes('PLAIN') ? '' : undefined) },
  {
    tag: 'SASL',
    offer: ({ mechanisms }) => (mechanisms.length === 0 ? undefined : mechanisms.join(' ')),
  },
  {
    tag: 'STLS',
    offer: ({ startTls, secure }, loggedIn) => (startTls && !secure && !loggedIn ? '' : undefined),
  },
  { tag: 'PIPELINING', offer: always },
  { tag: 'RESP-CODES', offer: always },
  { tag: 'AUTH-RESP-CODE', offer: always },
  {
    tag: 'LOGIN-DELAY',
    offer: ({ loginDelaySeconds }) =>
      loginDelaySeconds === 0 ? undefined : String(loginDelaySeconds),
  },
  // RFC 2449 §6.7: the server deletes nothing by itself.
  { tag: 'EXPIRE', offer: () => 'NEVER' },
  // RFC 6856 §2.2: user names and passwords may be UTF-8, and are prepared with SASLprep.
  { tag: 'UTF8', offer: () => 'USER' },
  { tag: 'LANG', offer: always },
  { tag: 'IMPLEMENTATION', offer: () => 'Postrider' },
];

export function capabilityLines(facts: Pop3Facts, loggedIn: boolean): readonly string[] {
  return capabilities.flatMap(({ tag, offer }) => {
    const args = offer(facts, loggedIn);
    if (args === undefined) return [];
    return [args === '' ? tag : `${tag} ${args}`];
  });
}
