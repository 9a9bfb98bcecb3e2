// From root to an ordinary user once the ports are bound, for good: groups first, then the user,
// then a check that there is no way back. Root changes nothing below a directory of that user, where
// any name may lead elsewhere by the time it is followed: what has to be made there is made after the
// change, by the user.

import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../base/error-text.ts';

/** Why we cannot become somebody; the message says what to do. */
export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError';
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The ids of a user of this machine, or undefined. A number is taken as it is. */
export function findUser(user: string, passwd = readPasswd()): UserIds | undefined {
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** What the user is called, or the number. */
export function userName(uid: number, passwd = readPasswd()): string {
  for (const line of passwd.split('\n')) {
    const [name, , number] = line.split(':');
    if (name !== undefined && number === String(uid)) return name;
  }
  return String(uid);
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

/** Absent on Windows; @types/node leaves initgroups out. */
type PosixProcess = NodeJS.Process & {
  initgroups?(user: string | number, group: string | number): void;
};

/**
 * Becomes `user`. Nothing happens when we are not root: whoever started us has seen to it.
 * @throws PrivilegeError
 */
export function dropPrivileges(user: string): void {
  const { setgid, setuid, initgroups } = process as PosixProcess;
  if (!isRoot() || setgid === undefined || setuid === undefined || initgroups === undefined) return;
  const ids = findUser(user);
  try {
    // Users that are not in the file (LDAP) are found by the C library, by name.
    initgroups.call(process, ids?.uid === Number(user) ? ids.uid : user, ids?.gid ?? user);
    setgid.call(process, ids?.gid ?? user);
    setuid.call(process, ids?.uid ?? user);
  } catch (error) {
    const cause = messageOf(error);
    throw new PrivilegeError(
      `cannot become user ${user} (${cause}): create it with \`useradd --system ${user}\`, or change the \`user\` setting`,
    );
  }
  if (user !== 'root' && ids?.uid !== 0) assertForGood(user);
}

function assertForGood(user: string): void {
  if (canBecomeRoot())
    throw new PrivilegeError(`became ${user}, but could still become root: refusing to run`);
}

/**
 * Becomes `user`, who gets a data directory of its own first, where there is none. Nothing happens when
 * we are not root.
 * @throws PrivilegeError when the directory is somebody else's, root's with something in it included.
 */
export function becomeUser(user: string, directory: string): void {
  if (!isRoot()) return;
  const ids = findUser(user);
  if (ids !== undefined && ids.uid !== 0) prepareDirectory(directory, user, ids);
  dropPrivileges(user);
}

/**
 * Becomes whoever the data directory belongs to, so that what a command of root's makes there is
 * theirs. Nothing happens where there is no such directory, or it is root's. @throws PrivilegeError
 */
export function becomeOwner(directory: string): void {
  const owner = ownerOf(directory);
  if (owner === undefined) return;
  const user = userName(owner.uid);
  if (findUser(user) === undefined) {
    // A user of another machine, or of none: a volume of a container.
    process.setgroups?.([owner.gid]);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
    assertForGood(user);
  } else dropPrivileges(user);
}

/** Where we are root and the directory is somebody else's. */
export function ownerOf(directory: string): UserIds | undefined {
  if (!isRoot()) return undefined;
  const { uid, gid } = lstatOrUndefined(directory, realpathOf(directory)) ?? { uid: 0, gid: 0 };
  return uid === 0 ? undefined : { uid, gid };
}

/** As root: see becomeUser(). @throws PrivilegeError */
export function prepareDirectory(directory: string, user: string, ids: UserIds): void {
  const path = realpathOf(directory);
  const found = lstatOrUndefined(directory, path);
  if (found !== undefined && found.uid !== 0 && found.uid !== ids.uid)
    throw notTheirs(directory, found.uid, user);
  if (found?.uid === ids.uid) return;
  // Elsewhere the user makes it, if it can: somebody may be putting a link in its place just now.
  if (!isRootsAlone(deepestExisting(dirname(path)))) {
    if (found === undefined) return;
    throw notTheirs(directory, 0, user);
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (found === undefined) mkdirSync(path, { mode: 0o700 });
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const descriptor = openSync(path, flags);
  try {
    if (fstatSync(descriptor).uid !== 0) return;
    if (readdirSync(path).length > 0) throw notTheirs(directory, 0, user);
    fchownSync(descriptor, ids.uid, ids.gid);
  } finally {
    closeSync(descriptor);
  }
}

const notTheirs = (directory: string, uid: number, user: string): PrivilegeError =>
  new PrivilegeError(
    `${directory} belongs to ${userName(uid)}, not to ${user}: \`chown -Rh ${user} ${directory}\`, ` +
      'or change the `user` setting',
  );

/** Where the name leads, as far as it leads anywhere. */
function realpathOf(path: string): string {
  const absolute = resolve(path);
  const existing = deepestExisting(absolute);
  try {
    return join(realpathSync(existing), absolute.slice(existing.length));
  } catch {
    throw new PrivilegeError(`${existing} is a link that leads nowhere`);
  }
}

function deepestExisting(path: string): string {
  let existing = path;
  while (lstatOrUndefined(existing, existing) === undefined && dirname(existing) !== existing)
    existing = dirname(existing);
  return existing;
}

function lstatOrUndefined(directory: string, path: string) {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new PrivilegeError(`${directory} cannot be looked at (${code})`, { cause: error });
  }
}

/** Nobody but root can change what the name of this directory leads to. */
export const rootsAlone = (directory: string): boolean =>
  isRootsAlone(deepestExisting(dirname(realpathOf(directory))));

/** Nobody but root can change what lies there, or where the path leads. */
function isRootsAlone(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode } = lstatSync(at);
    if (uid !== 0 || (mode & 0o170_000) !== 0o040_000 || (mode & 0o022) !== 0) return false;
    if (dirname(at) === at) return true;
  }
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}
