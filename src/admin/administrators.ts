// Operations on administrators, the sessions they and others have open in browsers, and the record of who did what.
// Whoever may do the first may give themselves everything.

import { z } from 'zod';
import type { Administrator } from '../policy/administration/administrators.ts';
import {
  AdministratorError,
  addAdministrator,
  changeAdministrator,
  enrolTotp,
  existing,
  listAdministrators,
  newTotpSecret,
  removeAdministrator,
  removePasskey,
  removeTotp,
} from '../policy/administration/administrators.ts';
import { totpUri } from '../policy/administration/totp.ts';
import { endSession, listSessions } from '../policy/administration/web-sessions.ts';
import { isoDate } from './asking.ts';
import { done, list, nothing, OperationError, text, texts, value } from './operation.ts';

const administrator = z.object({
  name: text,
  /** `read`, `all`, or names of operations. */
  allows: texts,
  created: text,
  /** Logs in with a code, too. */
  secondFactor: z.boolean(),
  passkeys: z.array(z.object({ name: text, created: text })).readonly(),
});

const webSession = z.object({
  id: text,
  kind: z.enum(['administrator', 'single-sign-on', 'account']),
  name: text,
  created: text,
  /** Used last, within ten minutes. */
  seen: text,
  client: text,
  program: text,
});

const auditEntry = z.object({
  at: text,
  /** `administrator ann`, `token backup`, `command line`, `dev`, `account ann@example.org` */
  who: text,
  client: text,
  /** An operation, `login` or `logout`. */
  what: text,
  /** Without secrets, as JSON. */
  input: text,
  /** `done`, or why not. */
  outcome: text,
});

const named = z.strictObject({ name: text });

/** Limit: lines of a page. */
const pageMax = 1_000;
const usualPage = 100;

export const administratorOperations = {
  administratorAdd: value({
    about: 'Lets somebody log in to the console.',
    ...{ changes: true, empowers: true },
    input: z.strictObject({ name: text, password: text, allows: texts }),
    output: done,
    run: (parts, given) => refused(() => addAdministrator(parts, given)),
  }),
  administratorList: list({
    about: 'Who logs in to the console, besides the owners of accounts.',
    changes: false,
    input: nothing,
    output: administrator,
    run: async function* administrators(parts) {
      for (const one of await listAdministrators(parts)) yield asListed(one);
    },
  }),
  administratorChange: value({
    about: 'Another password, other rights, or both; ends the sessions there are.',
    ...{ changes: true, empowers: true },
    input: z.strictObject({ name: text, password: text.optional(), allows: texts.optional() }),
    output: done,
    run: (parts, { name, password, allows }) =>
      refused(() =>
        changeAdministrator(parts, name, {
          ...(password !== undefined && { password }),
          ...(allows !== undefined && { allows }),
        }),
      ),
  }),
  administratorRemove: value({
    about: 'Lets somebody log in no more, and ends their sessions.',
    changes: true,
    input: named,
    output: done,
    run: (parts, { name }) => refused(() => removeAdministrator(parts, name)),
  }),
  secondFactorOffer: value({
    about: 'A secret for an authenticator program (TOTP, RFC 6238); nothing is changed yet.',
    changes: false,
    input: named,
    output: z.object({ secret: text, uri: text }),
    run: async (parts, { name }) => {
      const { hostname } = parts;
      await refused(async () => void (await existing(parts, name)));
      const secret = newTotpSecret();
      return {
        secret: secret.toString('hex'),
        uri: totpUri(secret, name, `Postrider ${hostname()}`),
      };
    },
  }),
  secondFactorAdd: value({
    about: 'From now on the password alone is not enough. The code shows that the secret arrived.',
    changes: true,
    input: z.strictObject({ name: text, secret: z.hex().length(40), code: text }),
    output: done,
    run: (parts, { name, secret, code }) =>
      refused(() => enrolTotp(parts, name, { secret: Buffer.from(secret, 'hex'), code })),
  }),
  secondFactorRemove: value({
    about: 'The password alone is enough again.',
    changes: true,
    input: named,
    output: done,
    run: (parts, { name }) => refused(() => removeTotp(parts, name)),
  }),
  passkeyRemove: value({
    about: 'A passkey opens nothing any more.',
    changes: true,
    input: z.strictObject({ name: text, passkey: text }),
    output: done,
    run: (parts, { name, passkey }) => refused(() => removePasskey(parts, name, passkey)),
  }),
  webSessionList: list({
    about: 'Who is logged in to the console, from where.',
    changes: false,
    input: nothing,
    output: webSession,
    run: async function* sessions(parts) {
      for (const { id, owner, created, seen, client, program } of await listSessions(parts))
        yield { id, ...owner, created: isoDate(created), seen: isoDate(seen), client, program };
    },
  }),
  webSessionEnd: value({
    about: 'Logs somebody out.',
    changes: true,
    input: z.strictObject({ id: text }),
    output: done,
    run: async (parts, { id }) => {
      if (await endSession(parts, id)) return null;
      throw new OperationError(`there is no session ${id}`);
    },
  }),
  auditList: value({
    about: 'Who changed what, by whatever way: the latest first.',
    changes: false,
    input: z.strictObject({
      /** Of the page before. */
      after: text.optional(),
      limit: z.int().min(1).max(pageMax).optional(),
    }),
    output: z.object({ entries: z.array(auditEntry).readonly(), next: z.string().nullable() }),
    run: async ({ audit }, { after, limit = usualPage }) => {
      const found = await audit.page({ before: after, limit });
      const next = found.length < limit ? null : (found.at(-1)?.cursor ?? null);
      const entries = found.map(({ cursor: _, at, ...entry }) => ({ at: isoDate(at), ...entry }));
      return { entries, next };
    },
  }),
};

function asListed(one: Administrator): z.infer<typeof administrator> {
  const { name, allows, created, totp, passkeys } = one;
  return {
    ...{ name, allows, created: isoDate(created), secondFactor: totp !== undefined },
    passkeys: passkeys.map((key) => ({ name: key.name, created: isoDate(key.created) })),
  };
}

async function refused(work: () => Promise<void>): Promise<null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof AdministratorError) throw new OperationError(error.message);
    throw error;
  }
}
