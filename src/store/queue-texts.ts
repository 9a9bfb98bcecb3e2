// Texts of the queue as rows of a database have them, and what they are again. They are checked when they are
// read: a damaged row is noticed here.

import { createHash } from 'node:crypto';
import type { Reply } from '../smtp/reply.ts';
import type { Origin } from './queue-store.ts';
import { DamagedRowError } from './row.ts';

/** Limit: a key's length in the database; a longer one is known by its digest. */
const keyLengthMax = 200;

export const rememberedKey = (key: string): string =>
  key.length <= keyLengthMax ? key : createHash('sha256').update(key).digest('base64url');

// Parameters in wire form hold no spaces. RFC 5321 §4.1.2: esmtp-value = 1*(%d33-60 / %d62-126)
export const words = (text: string): string[] => (text === '' ? [] : text.split(' '));

export function parseOrigin(text: string): Origin {
  const value = parseJson(text);
  if (
    !('session' in value && typeof value.session === 'string') ||
    !('service' in value && typeof value.service === 'string') ||
    !('protocol' in value && typeof value.protocol === 'string')
  )
    throw new DamagedRowError('the store is damaged: the origin of a message cannot be read');
  return value as Origin;
}

export function parseReply(text: string): Reply {
  const value = parseJson(text);
  if (
    !('code' in value && typeof value.code === 'number') ||
    !('lines' in value && Array.isArray(value.lines) && value.lines.length > 0)
  )
    throw new DamagedRowError('the store is damaged: a stored reply cannot be read');
  return value as unknown as Reply;
}

function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new DamagedRowError('the store is damaged: a row holds text that is not JSON');
}
