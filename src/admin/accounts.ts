// Operations on accounts, their addresses and passwords.

import { z } from 'zod';
import { forgetCollections } from '../access/activesync/collection-book.ts';
import { forgetDevices } from '../access/activesync/device-book.ts';
import { forgetUrlKeys } from '../access/imap/urls/url-keys.ts';
import { addressKey } from '../mail/fields/address.ts';
import type { AccountHold } from '../policy/abuse/account-holds.ts';
import { heldAccounts, releaseAccount } from '../policy/abuse/account-holds.ts';
import {
  AccountError,
  addAccount,
  addAddress,
  addAppPassword,
  changePassword,
  removeAccount,
  removeAddress,
  removeAppPassword,
} from '../policy/accounts/account-changes.ts';
import { noRules } from '../policy/rules/account-rules.ts';
import type { RecordStore } from '../store/record-store.ts';
import { isoDate } from './asking.ts';
import { count, done, list, nothing, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

const account = z.object({
  address: text,
  /** All of them, the primary one first. */
  addresses: texts,
  /** Names of its app passwords. */
  appPasswords: texts,
  created: text,
  messages: count,
  bytes: count,
  /** Until when its sending is stopped, and why. */
  held: z.object({ until: text, reason: text }).nullable(),
});

/** A password or an address has been taken. */
export const taken = z.object({
  /** As it is stored. */
  address: text,
  /** What might be better about the password, or about the address. */
  advice: z.string().nullable(),
});

const withPassword = z.strictObject({ address: text, password: text });
const addressOf = z.strictObject({ account: text, address: text });
const appPassword = z.strictObject({ account: text, name: text });

export const accountOperations = {
  accountAdd: value({
    about: 'Creates an account. The address must be free and the password one that can be used.',
    changes: true,
    input: withPassword,
    output: taken,
    run: (parts, { address, password }) =>
      refused(async () => {
        const { accounts, folders, clock } = parts;
        const added = await addAccount(accounts, address, password, clock);
        await folders.ensure(added.address);
        return asTaken(added.address, added.advice, foreign(parts, added.address));
      }),
  }),
  accountList: list({
    about: 'The accounts there are.',
    changes: false,
    input: nothing,
    output: account,
    run: listAccounts,
  }),
  accountPassword: value({
    about: 'Changes the password of an account; app passwords stay.',
    changes: true,
    input: withPassword,
    output: taken,
    run: ({ accounts, clock }, { address, password }) =>
      refused(async () => {
        const { advice } = await changePassword(accounts, address, password, clock);
        return asTaken(addressKey(address), advice);
      }),
  }),
  accountRemove: value({
    about: 'Removes an account with all its mail.',
    changes: true,
    input: z.strictObject({ address: text }),
    output: done,
    run: ({ accounts, folders, records, rules }, { address }) =>
      refused(async () => {
        await removeAccount(accounts, address);
        await folders.removeAll(addressKey(address));
        await rules.set(address, noRules);
        await forgetAll(records, addressKey(address));
        return null;
      }),
  }),
  accountRelease: value({
    about: 'Lets an account send again whose sending was stopped.',
    changes: true,
    input: z.strictObject({ address: text }),
    output: done,
    run: async ({ records, accounts }, { address }) => {
      const key = addressKey(address);
      const account = (await accounts.find(key))?.address ?? key;
      if (!(await releaseAccount(records, account)))
        throw new OperationError(`the sending of ${account} is not stopped`);
      return null;
    },
  }),
  addressAdd: value({
    about: 'Gives an account a further address.',
    changes: true,
    input: addressOf,
    output: taken,
    run: (parts, { account, address }) =>
      refused(async () => {
        const added = await addAddress(parts.accounts, account, address);
        return asTaken(added, foreign(parts, added));
      }),
  }),
  addressRemove: value({
    about: 'Takes a further address from an account.',
    changes: true,
    input: addressOf,
    output: done,
    run: ({ accounts }, { account, address }) =>
      refused(async () => {
        await removeAddress(accounts, account, address);
        return null;
      }),
  }),
  appPasswordAdd: value({
    about: 'Makes an app password and gives it: it cannot be shown again.',
    changes: true,
    input: appPassword,
    output: text,
    run: ({ accounts, clock }, { account, name }) =>
      refused(() => addAppPassword(accounts, account, name, clock)),
  }),
  appPasswordRemove: value({
    about: 'Removes an app password.',
    changes: true,
    input: appPassword,
    output: done,
    run: ({ accounts }, { account, name }) =>
      refused(async () => {
        await removeAppPassword(accounts, account, name);
        return null;
      }),
  }),
};

/** What is kept of an account beside it: whoever has its address next is somebody else. */
async function forgetAll(records: RecordStore, account: string): Promise<void> {
  await forgetUrlKeys(records, account);
  await forgetDevices(records, account);
  await forgetCollections(records, account);
  await releaseAccount(records, account);
}

const asTaken = (
  address: string,
  ...advice: readonly (string | undefined)[]
): z.infer<typeof taken> => ({
  address,
  advice: advice.filter((sentence) => sentence !== undefined).join('; ') || null,
});

/** An account elsewhere may log in, but its mail is not delivered here. */
function foreign({ isOurs }: OperationParts, address: string): string | undefined {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return isOurs(domain)
    ? undefined
    : `${domain} is not in \`domains\`: mail for ${address} is not delivered here until it is`;
}

/** What the operator can put right comes back as such; anything else stays what it is. */
async function refused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AccountError) throw new OperationError(error.message);
    throw error;
  }
}

async function* listAccounts({
  accounts,
  folders,
  records,
}: OperationParts): AsyncIterable<z.infer<typeof account>> {
  const held = await heldAccounts(records);
  for (const { address, addresses, created } of await accounts.list()) {
    const credentials = await accounts.credentials(address);
    const { bytes, messages } = await folders.usage(address);
    yield {
      address,
      addresses: [address, ...addresses.filter((other) => other !== address)],
      appPasswords: credentials.map(({ name }) => name).filter((name) => name !== ''),
      created: isoDate(created),
      messages,
      bytes,
      held: asHeld(held.get(address)),
    };
  }
}

const asHeld = (hold: AccountHold | undefined): z.infer<typeof account>['held'] =>
  hold === undefined ? null : { until: isoDate(hold.until), reason: hold.reason };
