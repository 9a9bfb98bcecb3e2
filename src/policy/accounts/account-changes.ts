// What an operator does with accounts, for the command line and the control socket: checked first,
// with an error that says what to do. Works on the store, so it holds at once for a running server.

import { randomInt } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { addressKey, parseMailbox } from '../../mail/fields/address.ts';
import type { Account, AccountStore, Credential } from '../../store/account-store.ts';
import { hashPassword, preparePassword } from './passwords.ts';

/** The operation cannot be done as asked; the message is for the operator. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
}

export interface PasswordAdvice {
  /** Said to the operator, but the password is taken. */
  readonly advice: string | undefined;
}

/** Limit: each login is compared with all of them. */
const appPasswordsMax = 50;
/** Limit: NIST SP 800-63B §3.1.1.2 has 8 as the least; here it is advice. */
const passwordLengthAdvised = 8;

/** Without a password the account gets mail, but nobody can log in. */
export async function addAccount(
  store: AccountStore,
  address: string,
  password: string | undefined,
  clock: Clock = systemClock(),
): Promise<PasswordAdvice & { readonly address: string }> {
  const key = checkedAddress(address);
  const prepared = password === undefined ? undefined : checkedPassword(password);
  const taken = await store.find(key);
  if (taken !== undefined) throw new AccountError(takenMessage(key, taken));
  const now = clock.now();
  const credential =
    prepared === undefined
      ? undefined
      : { name: '', ...(await hashPassword(prepared)), created: now };
  if (!(await store.add(key, credential, now)))
    throw new AccountError(`${key} is taken already: it belongs to an account`);
  return { address: key, advice: adviceOn(prepared) };
}

/** Also ends all logins remembered for the old password. App passwords stay. */
export async function changePassword(
  store: AccountStore,
  address: string,
  password: string,
  clock: Clock = systemClock(),
): Promise<PasswordAdvice> {
  const account = await existing(store, address);
  const prepared = checkedPassword(password);
  const others = (await store.credentials(account.address)).filter(({ name }) => name !== '');
  const hashed = await hashPassword(prepared, others);
  await put(store, account, { name: '', ...hashed, created: clock.now() });
  return { advice: adviceOn(prepared) };
}

export async function removeAccount(store: AccountStore, address: string): Promise<void> {
  const account = await existing(store, address);
  if (account.address !== checkedAddress(address))
    throw new AccountError(
      `${address} is another address of ${account.address}: remove that one, or only the address`,
    );
  if (!(await store.remove(account.address))) throw new AccountError(unknown(address));
}

export async function addAddress(
  store: AccountStore,
  account: string,
  address: string,
): Promise<string> {
  const owner = await existing(store, account);
  const key = checkedAddress(address);
  const taken = await store.find(key);
  if (taken !== undefined) throw new AccountError(takenMessage(key, taken));
  if (!(await store.addAddress(owner.address, key)))
    throw new AccountError(`${key} could not be added to ${owner.address}: it is taken already`);
  return key;
}

export async function removeAddress(
  store: AccountStore,
  account: string,
  address: string,
): Promise<void> {
  const owner = await existing(store, account);
  const key = checkedAddress(address);
  if (key === owner.address)
    throw new AccountError(`${key} is the account's own address: it goes with the account`);
  if (!owner.addresses.includes(key) || !(await store.removeAddress(owner.address, key)))
    throw new AccountError(`${key} is not an address of ${owner.address}`);
}

/** Makes one up and gives it back: it cannot be read again. */
export async function addAppPassword(
  store: AccountStore,
  address: string,
  name: string,
  clock: Clock = systemClock(),
): Promise<string> {
  const account = await existing(store, address);
  const label = checkedName(name);
  const credentials = await store.credentials(account.address);
  if (credentials.some((each) => each.name === label))
    throw new AccountError(`${account.address} has an app password "${label}": remove it first`);
  if (credentials.length >= appPasswordsMax)
    throw new AccountError(
      `${account.address} has ${appPasswordsMax} passwords, which is the most: remove one first`,
    );
  const password = generatePassword();
  const hashed = await hashPassword(password, credentials);
  await put(store, account, { name: label, ...hashed, created: clock.now() });
  return password;
}

export async function removeAppPassword(
  store: AccountStore,
  address: string,
  name: string,
): Promise<void> {
  const account = await existing(store, address);
  const label = checkedName(name);
  if (!(await store.removeCredential(account.address, label)))
    throw new AccountError(`${account.address} has no app password "${label}"`);
}

// Letters and digits that cannot be taken for one another, read out over a telephone if need be.
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Four groups of five: 100 bits of chance. */
export function generatePassword(): string {
  const letter = () => alphabet[randomInt(alphabet.length)]!;
  return Array.from({ length: 4 }, () => Array.from({ length: 5 }, letter).join('')).join('-');
}

function checkedAddress(address: string): string {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined || mailbox.domain === '')
    throw new AccountError(`"${address}" is not a mail address like ann@example.org`);
  return addressKey(mailbox);
}

function checkedPassword(password: string): string {
  if (password === '') throw new AccountError('the password is empty');
  if (Buffer.byteLength(password) > 1024)
    throw new AccountError('the password is longer than 1024 octets');
  const prepared = preparePassword(password);
  // RFC 4013 §2.3: clients refuse to send such a password, so it could never be used.
  if (prepared === undefined)
    throw new AccountError(
      'the password has characters that cannot be in one (control characters …)',
    );
  return prepared;
}

function checkedName(name: string): string {
  const label = name.trim();
  if (!/^[^\p{Cc}]{1,64}$/u.test(label))
    throw new AccountError('the name of an app password has 1 to 64 characters');
  return label;
}

const adviceOn = (password: string | undefined): string | undefined =>
  password !== undefined && [...password].length < passwordLengthAdvised
    ? `the password is short: ${passwordLengthAdvised} characters or more are advised`
    : undefined;

async function existing(store: AccountStore, address: string): Promise<Account> {
  const account = await store.find(checkedAddress(address));
  if (account === undefined) throw new AccountError(unknown(address));
  return account;
}

async function put(store: AccountStore, account: Account, credential: Credential): Promise<void> {
  if (!(await store.putCredential(account.address, credential)))
    throw new AccountError(unknown(account.address)); // removed in the meantime
}

const unknown = (address: string): string =>
  `there is no account ${address}; "account list" shows those there are`;

const takenMessage = (key: string, { address }: Account): string =>
  key === address ? `there is an account ${key} already` : `${key} is an address of ${address}`;
