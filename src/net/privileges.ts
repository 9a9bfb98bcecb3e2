// From root to an ordinary user once the ports are bound, for good: groups first, then the user,
// then a check that there is no way back.

import { chownSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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
    const cause = error instanceof Error ? error.message : String(error);
    throw new PrivilegeError(
      `cannot become user ${user} (${cause}): create it with \`useradd --system ${user}\`, or change the \`user\` setting`,
    );
  }
  if (user !== 'root' && ids?.uid !== 0 && canBecomeRoot())
    throw new PrivilegeError(`became ${user}, but could still become root: refusing to run`);
}

/**
 * Makes the data directory of `user`, or gives it what root has left there (a certificate made
 * before the change, files of a command run as root). Nothing happens when we are not root.
 * @throws PrivilegeError when it belongs to somebody else.
 */
export function prepareDirectory(directory: string, user: string): void {
  const ids = findUser(user);
  if (!isRoot() || ids === undefined || ids.uid === 0) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid } = lstatSync(directory);
  if (uid !== 0 && uid !== ids.uid)
    throw new PrivilegeError(
      `${directory} belongs to user ${uid}, not to ${user}: \`chown -R ${user} ${directory}\``,
    );
  chownSync(directory, ids.uid, ids.gid);
  giveAway(directory, ids, 2);
}

/** Sockets that root has opened become `user`'s, whose group may then be given access. */
export function giveSockets(paths: readonly string[], user: string): void {
  const ids = findUser(user);
  if (!isRoot() || ids === undefined) return;
  for (const path of paths) lchownSync(path, ids.uid, ids.gid);
}

/** What belongs to root, links themselves and not what they point to, `depth` folders deep. */
function giveAway(directory: string, ids: UserIds, depth: number): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const found = lstatSync(path);
    if (found.uid === 0) lchownSync(path, ids.uid, ids.gid);
    if (found.isDirectory() && depth > 1) giveAway(path, ids, depth - 1);
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
