// Who may ask for operations over HTTP: bearers of tokens (RFC 6750). A token is shown once, when it is made; what
// is kept is its hash, what it may, and until when.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { RecordStore } from '../../store/record-store.ts';

export interface ApiToken {
  /** Chosen by whoever made it; tells tokens apart in the log. */
  readonly name: string;
  /** `read` for what changes nothing, `all`, or names of operations. */
  readonly allows: readonly string[];
  /** In milliseconds since 1970. */
  readonly created: number;
  readonly expires: number | undefined;
}

export class ApiTokenError extends Error {
  override readonly name = 'ApiTokenError';
}

export interface ApiTokensParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
}

const kind = 'api-token';
/** Limit: tokens there are, and characters of a name. */
const tokensMax = 1000;
const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

/**
 * The token, which nobody can read again.
 * @throws ApiTokenError when there is one of that name.
 */
export async function createApiToken(
  { records, clock }: ApiTokensParts,
  { name, allows, expires }: Omit<ApiToken, 'created'>,
): Promise<string> {
  if (!namePattern.test(name))
    throw new ApiTokenError('a name is of letters, digits, ".", "_" and "-", 64 at the most');
  if ((await records.get(kind, name)) !== undefined)
    throw new ApiTokenError(`there is a token ${name}; revoke it first`);
  if ((await records.count(kind)) >= tokensMax)
    throw new ApiTokenError('there are too many tokens');
  const secret = randomBytes(32).toString('base64url');
  const value = JSON.stringify({ hash: hashOf(secret), allows, created: clock.now() });
  await records.put([{ kind, key: name, value, expires }]);
  return `postrider_${name}_${secret}`;
}

/** The one that this is, unless it has expired or was never made. */
export async function findApiToken(
  { records }: Pick<ApiTokensParts, 'records'>,
  token: string,
): Promise<ApiToken | undefined> {
  const [, name = '', secret = ''] = /^postrider_(.{1,64})_([\w-]{43})$/.exec(token) ?? [];
  const record = await records.get(kind, name);
  if (record === undefined) return undefined;
  const { hash, ...kept } = JSON.parse(record.value) as Kept;
  if (!timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(hashOf(secret), 'hex')))
    return undefined;
  return { ...kept, name, expires: record.expires };
}

export async function listApiTokens({
  records,
}: Pick<ApiTokensParts, 'records'>): Promise<readonly ApiToken[]> {
  const found = await records.list(kind, { limit: tokensMax });
  return found.map(({ key, value, expires }) => {
    const { allows, created } = JSON.parse(value) as Kept;
    return { name: key, allows, created, expires };
  });
}

/** @throws ApiTokenError when there is none of that name. */
export async function revokeApiToken(
  { records }: Pick<ApiTokensParts, 'records'>,
  name: string,
): Promise<void> {
  if ((await records.get(kind, name)) === undefined)
    throw new ApiTokenError(`there is no token ${name}`);
  await records.remove(kind, [name]);
}

interface Kept extends Pick<ApiToken, 'allows' | 'created'> {
  readonly hash: string;
}

/** A secret of 32 octets by chance needs no salt, and nothing slower. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
