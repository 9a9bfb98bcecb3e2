// The rules of an account: what its owner wants done with mail that comes.

import { z } from 'zod';
import { addressKey, formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import { canonicalName, whyNotOwn } from '../mailbox/folder-name.ts';
import type { AccountRules } from '../policy/rules/account-rules.ts';
import {
  filtersMax,
  forwardMax,
  noRules,
  vacationDays,
  vacationTextMax,
} from '../policy/rules/account-rules.ts';
import { endOf } from '../policy/rules/vacation.ts';
import { moment, sought } from './asking.ts';
import { OperationError, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

/** Limit: characters of what is looked for in a field. */
const soughtText = z.string().min(1).max(500);
const oneLine = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]+$/u, 'one line, please');

const address = z.string().max(320).transform(asAddress);
const addresses = z.array(address).min(1).max(forwardMax).readonly();

function asAddress(given: string, { addIssue }: z.RefinementCtx): string {
  const mailbox = parseMailbox(given.trim());
  if (mailbox !== undefined && mailbox.domain !== '') return formatMailbox(mailbox);
  addIssue({ code: 'custom', message: `${given} is no address` });
  return z.NEVER;
}

/** As IMAP clients show it, with `/` between the levels. */
const folder = oneLine(200).regex(
  /^[^/%*]+(?:\/[^/%*]+)*$/,
  'a folder such as Lists or Lists/Work, without % and *',
);

const size = z.strictObject({
  over: z.int().nonnegative().optional(),
  under: z.int().positive().optional(),
});
const header = z.strictObject({
  name: z
    .string()
    .max(76)
    .regex(/^[!-9;-~]+$/, 'the name of a field, without a colon'),
  contains: soughtText.optional(),
});

const filter = z.strictObject({
  name: oneLine(100),
  when: z.strictObject({
    match: z.enum(['all', 'any']).default('all'),
    from: soughtText.optional(),
    to: soughtText.optional(),
    subject: soughtText.optional(),
    header: header.optional(),
    size: size.optional(),
  }),
  do: z.strictObject({
    folder: folder.optional(),
    flag: z.boolean().optional(),
    markRead: z.boolean().optional(),
    forward: addresses.optional(),
    discard: z.boolean().optional(),
  }),
  stop: z.boolean().default(false),
});

const vacation = z
  .strictObject({
    subject: oneLine(200).optional(),
    text: z.string().min(1).max(vacationTextMax),
    from: moment.optional(),
    until: moment.optional(),
    days: z.int().min(1).max(vacationDays.max).default(vacationDays.usual),
  })
  .refine(
    ({ from, until }) =>
      from === undefined || until === undefined || Date.parse(from) <= endOf(until),
    'it ends before it begins',
  );

export const accountRules = z.strictObject({
  forward: z.strictObject({ to: addresses, keepCopy: z.boolean().default(true) }).optional(),
  vacation: vacation.optional(),
  filters: z.array(filter).max(filtersMax).readonly().default([]),
});

/** From a file that somebody wrote. @throws OperationError with what is wrong */
export function rulesGiven(given: unknown): AccountRules {
  const parsed = accountRules.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new OperationError(z.prettifyError(parsed.error));
}

export const accountRulesOperations = {
  accountRules: value({
    about:
      'What the owner of an account wants done with mail that comes: filters, forwarding, vacation.',
    changes: false,
    input: z.strictObject({ address: sought }),
    output: accountRules,
    run: async (parts, { address: whose }) =>
      (await parts.rules.of(await accountKey(parts, whose))) ?? noRules,
  }),
  accountRulesSet: value({
    about: 'Puts other rules in the place of those of an account; `{}` is none.',
    changes: true,
    input: z.strictObject({ address: sought, rules: accountRules }),
    output: accountRules,
    async run(parts, { address: whose, rules }) {
      const account = await accountKey(parts, whose);
      checkTargets(account, rules);
      checkFolders(rules);
      await parts.rules.set(account, rules);
      return rules;
    },
  }),
};

/** What an account sends on to itself would never be anywhere. @throws OperationError */
function checkTargets(account: string, { forward, filters }: AccountRules): void {
  const targets = [...(forward?.to ?? []), ...filters.flatMap((filter) => filter.do.forward ?? [])];
  const own = targets.find((target) => addressKey(target) === account);
  if (own !== undefined)
    throw new OperationError(`${own} is the account itself: forward to another address`);
}

/** What a filter puts where no mail program looks would be lost. @throws OperationError */
function checkFolders({ filters }: AccountRules): void {
  for (const { name, do: actions } of filters) {
    const why = actions.folder && whyNotOwn(canonicalName(actions.folder));
    if (why)
      throw new OperationError(
        `the filter ${name}: ${actions.folder} can be no folder (${why}); name another`,
      );
  }
}

async function accountKey(
  { accounts }: Pick<OperationParts, 'accounts'>,
  whose: string,
): Promise<string> {
  const found = await accounts.find(addressKey(whose));
  if (found === undefined)
    throw new OperationError(
      `there is no account ${whose}; \`postrider account list\` shows those there are`,
    );
  return found.address;
}
