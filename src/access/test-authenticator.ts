// For tests: everybody's password is `secret`.

import type { Authenticator } from '../sasl/mechanism.ts';
import { deriveScramKeys } from '../sasl/scram-keys.ts';

const keys = await deriveScramKeys('secret', Buffer.from('0123456789abcdef'), 4096);

export const authenticator: Authenticator = {
  verifyPassword: async (user, password) => (password === 'secret' ? user : undefined),
  scramKeys: async (user) => ({ account: user, keys }),
  mayActAs: async (account, authorization) => account === authorization,
};
