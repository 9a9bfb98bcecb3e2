// The people of this server, for devices that look for somebody: addresses of accounts that contain the words. Only within
// the domains that the account itself has an address in: tenants do not see each other.

import type { Context } from './context.ts';

export interface Person {
  readonly name: string;
  readonly address: string;
}

/** Limits: people that are found, and characters that are asked for at least. */
const peopleMax = 200;
const queryMin = 2;

export async function findPeople(
  { accounts, call }: Pick<Context, 'accounts' | 'call'>,
  query: string,
): Promise<readonly Person[]> {
  const words = query.trim().toLowerCase();
  if (words.length < queryMin) return [];
  const own = (await accounts.find(call.account))?.addresses ?? [call.account];
  const domains = new Set(own.map(domainOf));
  const found: Person[] = [];
  for (const { addresses } of await accounts.list())
    for (const address of addresses) {
      if (!domains.has(domainOf(address)) || !address.toLowerCase().includes(words)) continue;
      found.push({ name: address, address });
      if (found.length >= peopleMax) return found;
    }
  return found;
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
