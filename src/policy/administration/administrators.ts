// Administrators: people who log in to the console. Each has a password or passkeys, if they like a second factor
// (TOTP), and a list of what they may do, in the words of API tokens. Names have no "@", so that none is
// ever an account's.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { changeRecord } from '../../store/change-record.ts';
import type { RecordStore } from '../../store/record-store.ts';
import { findPassword, hashPassword, preparePassword } from '../accounts/passwords.ts';
import { totpStep } from './totp.ts';

export interface Administrator {
  readonly name: string;
  /** `read` for what changes nothing, `all`, or names of operations. */
  readonly allows: readonly string[];
  /** Milliseconds since 1970. */
  readonly created: number;
  /** When password, second factor or rights were last changed: sessions from before have ended. */
  readonly changed: number;
  /** A PHC string; undefined for who has passkeys only. */
  readonly password: string | undefined;
  readonly totp: Totp | undefined;
  readonly passkeys: readonly Passkey[];
}

interface Totp {
  /** In hexadecimal. */
  readonly secret: string;
  /** The step of the last password that was used: each is good once. */
  readonly lastStep: number;
}

/** A credential of WebAuthn. Octets are in base64url. */
export interface Passkey {
  readonly id: string;
  /** Chosen by its owner: `phone`. */
  readonly name: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** Asked for what cannot be; one line that says what and what to do. */
export class AdministratorError extends Error {
  override readonly name = 'AdministratorError';
}

export interface AdministratorsParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
}

export type PasswordVerdict =
  | { readonly kind: 'right'; readonly administrator: Administrator }
  | { readonly kind: 'wrong' }
  /** The password is right, and there is a second factor. */
  | { readonly kind: 'code' };

const kind = 'administrator';
/** Limits: administrators there are, and passkeys of each. */
const administratorsMax = 1000;
const passkeysMax = 20;
const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export async function addAdministrator(
  parts: AdministratorsParts,
  { name, password, allows }: NewAdministrator,
): Promise<void> {
  const key = checkedName(name);
  const hash = await hashed(password);
  if ((await parts.records.count(kind)) >= administratorsMax)
    throw new AdministratorError('there are too many administrators');
  await changeRecord(parts, { kind, key }, (known) => {
    if (known !== undefined)
      throw new AdministratorError(`there is an administrator ${key} already`);
    const now = parts.clock.now();
    return written({
      ...{ name: key, allows, created: now, changed: now },
      ...{ password: hash, totp: undefined, passkeys: [] },
    });
  });
}

export interface NewAdministrator {
  readonly name: string;
  readonly password: string;
  readonly allows: readonly string[];
}

export async function listAdministrators({
  records,
}: Pick<AdministratorsParts, 'records'>): Promise<readonly Administrator[]> {
  const found = await records.list(kind, { limit: administratorsMax });
  return found.map(({ key, value }) => parsed(key, value));
}

/** Undefined when there is none of that name. */
export async function findAdministrator(
  parts: Pick<AdministratorsParts, 'records'>,
  name: string,
): Promise<Administrator | undefined> {
  const key = name.toLowerCase();
  return namePattern.test(key) ? find(parts, key) : undefined;
}

/** Whose passkey it is. */
export async function findPasskey(
  parts: Pick<AdministratorsParts, 'records'>,
  id: string,
): Promise<{ readonly administrator: Administrator; readonly passkey: Passkey } | undefined> {
  for (const administrator of await listAdministrators(parts)) {
    const passkey = administrator.passkeys.find((one) => one.id === id);
    if (passkey !== undefined) return { administrator, passkey };
  }
  return undefined;
}

/** @throws AdministratorError when there is none of that name. */
export async function removeAdministrator(parts: AdministratorsParts, name: string): Promise<void> {
  const { name: key } = await existing(parts, name);
  await parts.records.remove(kind, [key]);
}

/** Ends the sessions there are. */
export async function changeAdministrator(
  parts: AdministratorsParts,
  name: string,
  { password, allows }: Partial<NewAdministrator>,
): Promise<void> {
  const hash = password === undefined ? undefined : await hashed(password);
  await change(parts, name, (administrator) => ({
    ...administrator,
    ...(hash !== undefined && { password: hash }),
    ...(allows !== undefined && { allows }),
    changed: parts.clock.now(),
  }));
}

/** As long as a guess takes whether there is such a name or not. @throws HashingBusy */
export async function checkPassword(
  parts: AdministratorsParts,
  { name, password, code }: Credentials,
): Promise<PasswordVerdict> {
  const administrator = await findAdministrator(parts, name);
  const prepared = preparePassword(password);
  const hashes = administrator?.password === undefined ? [] : [{ argon2: administrator.password }];
  // What cannot be prepared takes as long as what can.
  const isRight = (await findPassword(hashes, prepared ?? '')) !== undefined;
  if (!isRight || prepared === undefined || administrator === undefined) return { kind: 'wrong' };
  if (administrator.totp === undefined) return { kind: 'right', administrator };
  if (code === undefined) return { kind: 'code' };
  const used = await useCode(parts, administrator, code);
  return used === undefined ? { kind: 'wrong' } : { kind: 'right', administrator: used };
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
  /** Of the second factor. */
  readonly code?: string | undefined;
}

/** Undefined when it is not the code, or has been used, or the password was changed while it was looked at. */
async function useCode(
  parts: AdministratorsParts,
  { name, password }: Administrator,
  code: string,
): Promise<Administrator | undefined> {
  let used: Administrator | undefined;
  await changeRecord(parts, { kind, key: name }, (value) => {
    used = undefined;
    const administrator = value === undefined ? undefined : parsed(name, value);
    if (administrator?.totp === undefined || administrator.password !== password) return undefined;
    const { secret, lastStep } = administrator.totp;
    const step = totpStep(Buffer.from(secret, 'hex'), code, { now: parts.clock.now(), lastStep });
    if (step === undefined) return undefined;
    used = { ...administrator, totp: { secret, lastStep: step } };
    return written(used);
  });
  return used;
}

/** 160 bits, as RFC 4226 §4 recommends. */
export const newTotpSecret = (): Buffer => randomBytes(20);

/**
 * From now on a login by password takes a code, too.
 * @throws AdministratorError when the code is not the secret's, so that nobody is locked out by a typing error.
 */
export const enrolTotp = (
  parts: AdministratorsParts,
  name: string,
  { secret, code }: { readonly secret: Uint8Array; readonly code: string },
): Promise<void> =>
  change(parts, name, (administrator) => {
    const now = parts.clock.now();
    const lastStep = totpStep(secret, code, { now, lastStep: -1 });
    if (lastStep === undefined)
      throw new AdministratorError(
        'the code is not the one for this secret and time: is the clock of the device right?',
      );
    const totp = { secret: Buffer.from(secret).toString('hex'), lastStep };
    return { ...administrator, totp, changed: now };
  });

export const removeTotp = (parts: AdministratorsParts, name: string): Promise<void> =>
  change(parts, name, (administrator) => {
    if (administrator.totp === undefined)
      throw new AdministratorError(`${administrator.name} has no second factor`);
    return { ...administrator, totp: undefined, changed: parts.clock.now() };
  });

export async function addPasskey(
  parts: AdministratorsParts,
  name: string,
  passkey: Omit<Passkey, 'created'>,
): Promise<void> {
  // WebAuthn §7.1: whosever it is, or it would not be known who logs in by it.
  if ((await findPasskey(parts, passkey.id)) !== undefined)
    throw new AdministratorError('this passkey is known here already');
  await change(parts, name, (administrator) => {
    const { passkeys } = administrator;
    if (passkeys.length >= passkeysMax)
      throw new AdministratorError(`there are ${passkeysMax} passkeys: remove one first`);
    if (!/^[^\p{Cc}]{1,64}$/u.test(passkey.name))
      throw new AdministratorError('the name of a passkey has 1 to 64 characters');
    if (passkeys.some(({ name }) => name === passkey.name))
      throw new AdministratorError(`there is a passkey ${passkey.name} already`);
    const created = parts.clock.now();
    return { ...administrator, passkeys: [...passkeys, { ...passkey, created }] };
  });
}

/** By the name its owner gave it. Ends the sessions there are. */
export const removePasskey = (
  parts: AdministratorsParts,
  name: string,
  passkey: string,
): Promise<void> =>
  change(parts, name, (administrator) => {
    const passkeys = administrator.passkeys.filter((one) => one.name !== passkey);
    if (passkeys.length === administrator.passkeys.length)
      throw new AdministratorError(`${administrator.name} has no passkey ${passkey}`);
    return { ...administrator, passkeys, changed: parts.clock.now() };
  });

/** WebAuthn §7.2: the next use counts further, or the key has been copied. */
export const passkeyUsed = (
  parts: AdministratorsParts,
  name: string,
  { id, counter }: Pick<Passkey, 'id' | 'counter'>,
): Promise<void> =>
  change(parts, name, ({ passkeys, ...administrator }) => ({
    ...administrator,
    passkeys: passkeys.map((one) => (one.id === id ? { ...one, counter } : one)),
  }));

/** @throws AdministratorError when there is none of that name. */
const change = (
  parts: AdministratorsParts,
  name: string,
  changed: (administrator: Administrator) => Administrator,
): Promise<void> => {
  const key = name.toLowerCase();
  return changeRecord(parts, { kind, key }, (value) => {
    if (value === undefined) throw unknown(name);
    return written(changed(parsed(key, value)));
  });
};

type Kept = Omit<Administrator, 'name'>;

async function find(
  { records }: Pick<AdministratorsParts, 'records'>,
  key: string,
): Promise<Administrator | undefined> {
  const record = await records.get(kind, key);
  return record && parsed(key, record.value);
}

const parsed = (name: string, value: string): Administrator => ({
  ...{ password: undefined, totp: undefined },
  ...(JSON.parse(value) as Kept),
  name,
});

const written = ({ name: _, ...kept }: Administrator) => ({ value: JSON.stringify(kept) });

/** @throws AdministratorError where there is none of that name. */
export async function existing(parts: AdministratorsParts, name: string): Promise<Administrator> {
  const found = await findAdministrator(parts, name);
  if (found === undefined) throw unknown(name);
  return found;
}

const unknown = (name: string): AdministratorError =>
  new AdministratorError(
    `there is no administrator ${name}; \`postrider admin list\` shows those there are`,
  );

function checkedName(name: string): string {
  const key = name.toLowerCase();
  if (namePattern.test(key)) return key;
  throw new AdministratorError(
    'a name is of letters, digits, ".", "_" and "-", 64 at the most: accounts log in with their address',
  );
}

/** Limit: whoever has one may do everything here, so no short ones (NIST SP 800-63B §3.1.1.2). */
const passwordLengthMin = 12;

async function hashed(password: string): Promise<string> {
  const prepared = preparePassword(password);
  if (prepared === undefined || Buffer.byteLength(password) > 1024)
    throw new AdministratorError('the password is too long, or has control characters');
  if ([...prepared].length < passwordLengthMin)
    throw new AdministratorError(`a password has ${passwordLengthMin} characters or more`);
  return (await hashPassword(prepared)).argon2;
}
