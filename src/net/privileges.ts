// From root to an ordinary user once the ports are bound, for good: groups first, then the user,
// then a check that there is no way back.

import { readFileSync } from 'node:fs';

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

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}
