// One's own account: what it is, its passwords, its rules.

import { z } from 'zod';
import { accountRules, accountRulesOperations } from '../account-rules.ts';
import { accountOperations, taken } from '../accounts.ts';
import { count, done, nothing, text, texts } from '../operation.ts';
import { own } from './own-operation.ts';

const rulesGet = accountRulesOperations.accountRules;
const rulesSet = accountRulesOperations.accountRulesSet;
const { appPasswordAdd, appPasswordRemove, accountPassword } = accountOperations;
const named = z.strictObject({ name: z.string().min(1).max(100) });

export const ownAccountOperations = {
  me: own({
    about: 'The account that asks: its addresses, what it holds, names of its app passwords.',
    changes: false,
    input: nothing,
    output: z.object({
      address: text,
      addresses: texts,
      appPasswords: texts,
      /** False where somebody else, such as an identity provider, vouches for it. */
      hasPassword: z.boolean(),
      messages: count,
      bytes: count,
    }),
    async run({ account, accounts, folders }) {
      const found = await accounts.find(account);
      const names = (await accounts.credentials(account)).map(({ name }) => name);
      const { bytes, messages } = await folders.usage(account);
      return {
        address: account,
        addresses: [account, ...(found?.addresses ?? []).filter((one) => one !== account)],
        appPasswords: names.filter((name) => name !== ''),
        hasPassword: names.includes(''),
        ...{ messages, bytes },
      };
    },
  }),
  appPasswordAdd: own({
    ...appPasswordAdd,
    input: named,
    run: (parts, { name }) => appPasswordAdd.run(parts, { account: parts.account, name }),
  }),
  appPasswordRemove: own({
    ...appPasswordRemove,
    input: named,
    output: done,
    run: (parts, { name }) => appPasswordRemove.run(parts, { account: parts.account, name }),
  }),
  passwordChange: own({
    about:
      'Puts another password in place of the present one. All sessions end; app passwords stay.',
    changes: true,
    input: z.strictObject({ present: z.string().max(1024), password: z.string().max(1024) }),
    output: taken,
    async run(parts, { present, password }) {
      await parts.prove(present);
      return accountPassword.run(parts, { address: parts.account, password });
    },
  }),
  rules: own({
    ...rulesGet,
    input: nothing,
    run: (parts) => rulesGet.run(parts, { address: parts.account }),
  }),
  rulesSet: own({
    ...rulesSet,
    input: z.strictObject({ rules: accountRules }),
    run: (parts, { rules }) => rulesSet.run(parts, { address: parts.account, rules }),
  }),
};
