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

/** Those that the account may see, read once however many are asked for. */
export async function peopleHere({
  accounts,
  call,
}: Pick<Context, 'accounts' | 'call'>): Promise<(query: string) => readonly Person[]> {
  const own = (await accounts.find(call.account))?.addresses ?? [call.account];
  const domains = new Set(own.map(domainOf));
  const all = (await accounts.list())
    .flatMap(({ addresses }) => addresses)
    .filter((address) => domains.has(domainOf(address)));
  return (query) => {
    const words = query.trim().toLowerCase();
    if (words.length < queryMin) return [];
    const found = all.filter((address) => address.toLowerCase().includes(words));
    return found.slice(0, peopleMax).map((address) => ({ name: address, address }));
  };
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
