// What operations that list have in common: how far back, from where on, how much at a time. Times are ISO 8601, a
// day counts from its beginning in UTC; a page says with `next` what to ask for as `after`.

import { z } from 'zod';

/** Limit: items of one page. */
export const pageMax = 500;
const pageUsual = 50;

export const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

export const paged = {
  /** `next` of the page before. */
  after: z.string().max(100).optional(),
  limit: z.int().min(1).max(pageMax).optional(),
};

export const between = {
  since: moment.optional(),
  until: moment.optional(),
};

/** Limit: characters of what is looked for. */
export const sought = z.string().min(1).max(320);

/** Null on the last page. */
export const next = z.string().nullable();

export const pageSize = ({ limit }: { readonly limit?: number | undefined }): number =>
  limit ?? pageUsual;

/** In milliseconds since 1970. */
export function timesOf(asked: {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}): { readonly since: number | undefined; readonly until: number | undefined } {
  const { since, until } = asked;
  return {
    since: since === undefined ? undefined : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  };
}

export const isoDate = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | undefined): string | null =>
  ms === undefined ? null : isoDate(ms);
