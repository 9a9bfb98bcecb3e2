// The commands of RFC 4467 §9: URLs and mechanisms. What a URL means is the owner's affair; its octets come back as
// they came.

import type { CommandOf } from './command.ts';
import type { Scanner } from './scanner.ts';
import { SyntaxFault } from './scanner.ts';

/** Limit: each of them is a message read. */
const urlsMax = 100;

// genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)
export function readGenUrlAuth(scanner: Scanner): CommandOf<'GENURLAUTH'> {
  const urls = readEach(scanner, () => {
    const url = scanner.astring('a URL');
    scanner.space();
    return { url, mechanism: scanner.word('a mechanism') };
  });
  return { name: 'GENURLAUTH', urls };
}

// urlfetch = "URLFETCH" 1*(SP url-full)
export function readUrlFetch(scanner: Scanner): CommandOf<'URLFETCH'> {
  return { name: 'URLFETCH', urls: readEach(scanner, () => scanner.astring('a URL')) };
}

// resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]
export function readResetKey(scanner: Scanner): CommandOf<'RESETKEY'> {
  if (!scanner.tryEat(' ')) return { name: 'RESETKEY', mailbox: undefined, mechanisms: [] };
  const mailbox = scanner.mailbox();
  const mechanisms: string[] = [];
  while (scanner.tryEat(' ')) mechanisms.push(scanner.word('a mechanism'));
  return { name: 'RESETKEY', mailbox, mechanisms };
}

function readEach<T>(scanner: Scanner, read: () => T): T[] {
  const all: T[] = [];
  do {
    scanner.space();
    all.push(read());
  } while (!scanner.atEnd && all.length < urlsMax);
  if (!scanner.atEnd) throw new SyntaxFault(`At most ${urlsMax} URLs at a time`, 'NO', 'LIMIT');
  return all;
}
