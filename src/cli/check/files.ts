// `check`, files and folders: what is there, whose it is, who else may read it.

import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import type { Finding } from '../../compose/published/finding.ts';
import { failure, ok, warning } from '../../compose/published/finding.ts';
import type { Config } from '../../config/config.ts';
import type { LoadResult } from '../../config/load.ts';
import type { NamedFile } from '../../config/named-files.ts';
import type { UserIds } from '../../net/privileges.ts';
import { findUser, isRoot } from '../../net/privileges.ts';

/** Limit: with less the server will soon refuse mail (452). */
const freeBytesMin = 256 * 2 ** 20;

export function directoryFindings({ dataDirectory, user }: Config): Finding[] {
  const path = 'dataDirectory';
  let existing = dataDirectory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const found = statSync(existing);
  if (!found.isDirectory()) return [failure(path, `${existing} is not a directory`)];
  const owner = user === undefined ? undefined : findUser(user);
  if (isRoot() && owner !== undefined && existing === dataDirectory && found.uid !== owner.uid)
    return [
      failure(
        path,
        `${dataDirectory} does not belong to ${user}: \`chown -Rh ${user} ${dataDirectory}\``,
      ),
    ];
  if (existing === dataDirectory && (found.mode & 0o007) !== 0)
    return [
      warning(path, `${dataDirectory} can be read by everybody: \`chmod 700 ${dataDirectory}\``),
    ];
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return [
      failure(
        path,
        `${existing} may not be written by us: run this as the server's user, or \`chown\` it`,
      ),
    ];
  }
  const made = existing === dataDirectory ? '' : ' (will be made)';
  return [ok(path, `data directory ${dataDirectory}${made}`), ...spaceFindings(existing)];
}

function spaceFindings(directory: string): Finding[] {
  const { bavail, bsize } = statfsSync(directory);
  const mebibytes = Math.floor((bavail * bsize) / 2 ** 20);
  if (bavail * bsize >= freeBytesMin) return [];
  return [
    failure(
      'dataDirectory',
      `only ${mebibytes} MiB are free in ${directory}: mail will be refused`,
    ),
  ];
}

export function userFindings({ user }: Config): Finding[] {
  if (user === undefined)
    return isRoot() ? [warning('user', 'none: started as root, the server would stay root')] : [];
  return findUser(user) === undefined
    ? [failure('user', `there is no user ${user}: \`useradd --system ${user}\``)]
    : [ok('user', user)];
}

/** What cannot be read at all was found when the configuration was loaded. */
export function fileFindings(
  { user }: Config,
  { path, files }: Pick<LoadResult, 'path' | 'files'>,
): Finding[] {
  const findings: Finding[] = [];
  if (path !== undefined && existsSync(path) && (statSync(path).mode & 0o022) !== 0)
    findings.push(
      warning(
        '',
        `${path} may be written by others, who could make the server do anything: \`chmod go-w ${path}\``,
      ),
    );
  const ids = user === undefined || !isRoot() ? undefined : findUser(user);
  for (const named of files) {
    if (!existsSync(named.file)) continue;
    if (named.secret && (statSync(named.file).mode & 0o004) !== 0)
      findings.push(
        warning(named.path, `${named.file} can be read by everybody: \`chmod o-r ${named.file}\``),
      );
    if (ids !== undefined) findings.push(...closedTo(ids, user!, named));
  }
  return findings;
}

/** Sockets and addresses that are somebody else's to make. */
export function placeFindings({ delivery, listeners, localDelivery }: Config): Finding[] {
  const findings: Finding[] = [];
  for (const [i, { path }] of listeners.entries())
    if (path !== undefined && !existsSync(dirname(path)))
      findings.push(
        failure(`listeners[${i}].path`, `there is no folder ${dirname(path)}: \`mkdir\` it`),
      );
  if (localDelivery.kind === 'lmtp' && 'path' in localDelivery && !existsSync(localDelivery.path))
    findings.push(
      warning(
        'localDelivery.path',
        `there is no ${localDelivery.path}: mail waits until that LMTP server runs`,
      ),
    );
  return [...findings, ...sourceFindings(delivery.sourceAddress)];
}

/** Root reads it at the start, but a reload is `user`'s. */
function closedTo(ids: UserIds, user: string, { path, file }: NamedFile): Finding[] {
  const closed = firstClosed(ids, user, file);
  if (closed === undefined) return [];
  return [
    failure(
      path,
      `${closed} is closed to ${user}, who reads ${file} again on reload: copy it where ${user} may read it, or change owner or mode`,
    ),
  ];
}

function firstClosed(ids: UserIds, user: string, file: string): string | undefined {
  if (ids.uid === 0 || !existsSync(file)) return undefined;
  const groups = new Set([ids.gid, ...groupsOf(user)]);
  const may = (path: string, bit: number): boolean => {
    const { uid, gid, mode } = statSync(path);
    const shift = uid === ids.uid ? 6 : groups.has(gid) ? 3 : 0;
    return ((mode >> shift) & bit) !== 0;
  };
  const folders: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  return folders.find((folder) => !may(folder, 1)) ?? (may(file, 4) ? undefined : file);
}

/** group(5): name, password, number, members. */
function groupsOf(user: string): readonly number[] {
  const lines = existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8').split('\n') : [];
  return lines.flatMap((line) => {
    const [, , gid, members = ''] = line.split(':');
    return members.split(',').includes(user) ? [Number(gid)] : [];
  });
}

function sourceFindings(address: string | undefined): Finding[] {
  if (address === undefined) return [];
  const own = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  if (own.some((one) => one.address === address)) return [];
  return [
    failure(
      'delivery.sourceAddress',
      `${address} is no address of this machine: nothing could be sent`,
    ),
  ];
}
