// Sessions of people who have logged in by a browser. The secret is with the browser alone: what is kept is its
// hash. A session ends when it has not been used for half a day, after a week in any case, and when the password
// or the rights it came from are changed; each use asks anew who it is for.

import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { changeRecord } from '../../store/change-record.ts';
import type { RecordStore } from '../../store/record-store.ts';

/** For whom. */
export type SessionOwner =
  | { readonly kind: 'administrator'; readonly name: string }
  /** Vouched for by the operator's identity provider, under this address or subject. */
  | { readonly kind: 'single-sign-on'; readonly name: string }
  | { readonly kind: 'account'; readonly name: string };

export interface WebSession {
  /** Names it in lists; of no use for getting in. */
  readonly id: string;
  readonly owner: SessionOwner;
  /** Of what it came from: changes when that does. */
  readonly proof: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** When it was used last, give or take `seenApartMs`. */
  readonly seen: number;
  readonly client: string;
  /** What the browser calls itself. */
  readonly program: string;
}

export interface WebSessionsParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
}

const kind = 'web-session';
const idleMs = 12 * 3_600_000;
const lifeMs = 7 * 86_400_000;
/** Written no more often than this, for reading costs less than writing. */
const seenApartMs = 10 * 60_000;
/** Limit: sessions of everybody. Whoever has most of them makes room, so that nobody's logins keep others out. */
const sessionsMax = 10_000;
/** Limit: characters that are kept of a program's name. */
const programMax = 200;

/** Opens one; gives the secret that opens it again. */
export async function openSession(
  { records, clock }: WebSessionsParts,
  { owner, proof, client, program }: Pick<WebSession, 'owner' | 'proof' | 'client' | 'program'>,
): Promise<string> {
  if ((await records.count(kind)) >= sessionsMax) await makeRoom(records);
  const secret = randomBytes(32).toString('base64url');
  const now = clock.now();
  const told = program.slice(0, programMax);
  const kept = { owner, proof, client, program: told, created: now, seen: now };
  await records.put([{ kind, key: keyOf(secret), ...written(kept) }]);
  return secret;
}

/** Ends half of the sessions of whoever has most, those that were not used for longest. */
async function makeRoom(records: RecordStore): Promise<void> {
  const open = (await records.list(kind, { limit: sessionsMax })).map(({ key, value }) => ({
    ...(JSON.parse(value) as Kept),
    key,
  }));
  const owned = Map.groupBy(open, ({ owner }) => `${owner.kind} ${owner.name}`);
  const [most = []] = [...owned.values()].sort((a, b) => b.length - a.length);
  const unused = most.sort((a, b) => a.seen - b.seen).slice(0, Math.ceil(most.length / 2));
  await records.remove(
    kind,
    unused.map(({ key }) => key),
  );
}

/** The session that the secret opens. `proofOf` says what its proof would be now; undefined: nobody's. */
export async function findSession(
  { records, clock }: WebSessionsParts,
  secret: string,
  proofOf: (owner: SessionOwner) => Promise<string | undefined>,
): Promise<WebSession | undefined> {
  const key = keyOf(secret);
  const record = await records.get(kind, key);
  if (record === undefined) return undefined;
  const kept = JSON.parse(record.value) as Kept;
  if ((await proofOf(kept.owner)) !== kept.proof) {
    await records.remove(kind, [key]);
    return undefined;
  }
  const now = clock.now();
  if (now - kept.seen >= seenApartMs)
    // It may have been ended meanwhile.
    await changeRecord({ records }, { kind, key }, (value) =>
      value === undefined ? undefined : written({ ...kept, seen: now }),
    );
  return { ...kept, id: idOf(key) };
}

export async function closeSession(
  { records }: Pick<WebSessionsParts, 'records'>,
  secret: string,
): Promise<void> {
  await records.remove(kind, [keyOf(secret)]);
}

/** Of everybody, in no order. */
export async function listSessions({
  records,
}: Pick<WebSessionsParts, 'records'>): Promise<readonly WebSession[]> {
  const found = await records.list(kind, { limit: sessionsMax });
  return found.map(({ key, value }) => ({ ...(JSON.parse(value) as Kept), id: idOf(key) }));
}

/** By its id; false when there is none. */
export async function endSession(
  { records }: Pick<WebSessionsParts, 'records'>,
  id: string,
): Promise<boolean> {
  if (!/^[0-9a-f]{16}$/.test(id)) return false;
  const [found] = await records.list(kind, { prefix: id, limit: 1 });
  if (found === undefined) return false;
  await records.remove(kind, [found.key]);
  return true;
}

type Kept = Omit<WebSession, 'id'>;

const written = (kept: Kept) => ({
  value: JSON.stringify(kept),
  expires: Math.min(kept.seen + idleMs, kept.created + lifeMs),
});

/** A secret of 32 octets by chance needs no salt, and nothing slower. */
const keyOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const idOf = (key: string): string => key.slice(0, 16);
