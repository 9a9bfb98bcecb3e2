// Operations on the tokens that programs ask with over HTTP.

import { z } from 'zod';
import {
  ApiTokenError,
  createApiToken,
  listApiTokens,
  revokeApiToken,
} from '../policy/accounts/api-tokens.ts';
import { isoDate, isoOrNull } from './asking.ts';
import { done, list, nothing, OperationError, text, texts, value } from './operation.ts';

const token = z.object({
  name: text,
  allows: texts,
  created: text,
  /** Null: never. */
  expires: z.string().nullable(),
});

export const tokenOperations = {
  tokenCreate: value({
    about: 'Makes a token for the HTTP interface, which is shown this once.',
    ...{ changes: true, empowers: true },
    input: z.strictObject({
      name: text,
      /** `read`, `all`, or names of operations. */
      allows: texts,
      /** In days; without it the token does not expire. */
      days: z.int().positive().max(3650).optional(),
    }),
    output: z.object({ token: text }),
    run: (parts, { name, allows, days }) =>
      refused(async () => {
        const expires = days === undefined ? undefined : parts.clock.now() + days * 86_400_000;
        return { token: await createApiToken(parts, { name, allows, expires }) };
      }),
  }),
  tokenList: list({
    about: 'The tokens there are, without their secrets.',
    changes: false,
    input: nothing,
    output: token,
    run: async function* tokens(parts) {
      for (const { name, allows, created, expires } of await listApiTokens(parts))
        yield {
          ...{ name, allows, created: isoDate(created) },
          expires: isoOrNull(expires),
        };
    },
  }),
  tokenRevoke: value({
    about: 'Ends a token at once.',
    changes: true,
    input: z.strictObject({ name: text }),
    output: done,
    run: (parts, { name }) =>
      refused(async () => {
        await revokeApiToken(parts, name);
        return null;
      }),
  }),
};

async function refused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiTokenError) throw new OperationError(error.message);
    throw error;
  }
}
