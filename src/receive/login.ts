// What AUTH answers to a login (policy/accounts/login.ts): RFC 4954 §4 and §6.

import { unreachable } from '../base/assert.ts';
import type { LoginRefusal, LoginResult } from '../policy/accounts/login.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import type { Challenge } from './conversation.ts';

const loggedIn = reply(235, '7.0', 'Authentication successful');
const wrong = reply(535, '7.8', 'Authentication credentials invalid');
const malformed = reply(501, '5.2', 'Authentication exchange cannot be understood');
const later = reply(454, '7.0', 'Temporary authentication failure, try again later');
const unknown = reply(504, '5.4', 'Unrecognized authentication mechanism');
const blocked = reply(421, '7.0', 'Too many failed logins from your network, try again later');

export function loginAnswer(result: LoginResult): Reply | Challenge {
  switch (result.kind) {
    case 'logged-in':
      return loggedIn;
    case 'challenge':
      return { challenge: result.bytes };
    case 'refused':
      return refusals[result.reason];
    default:
      return unreachable(result);
  }
}

const refusals: Readonly<Record<LoginRefusal, Reply>> = {
  credentials: wrong,
  malformed,
  temporary: later,
  blocked, // RFC 5321 §3.8
  unknown,
};
