import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LoginResult } from '../policy/accounts/login.ts';
import { enhancedStatus } from '../smtp/reply.ts';
import { loginAnswer } from './login.ts';

const answers: readonly (readonly [LoginResult, string])[] = [
  [{ kind: 'logged-in', account: 'ann@example.org' }, '235 2.7.0'],
  [{ kind: 'refused', reason: 'credentials' }, '535 5.7.8'],
  [{ kind: 'refused', reason: 'malformed' }, '501 5.5.2'],
  [{ kind: 'refused', reason: 'temporary' }, '454 4.7.0'],
  [{ kind: 'refused', reason: 'unknown' }, '504 5.5.4'],
  [{ kind: 'refused', reason: 'blocked' }, '421 4.7.0'],
];

describe('loginAnswer', () => {
  for (const [result, expected] of answers)
    it(`RFC 4954 §6: ${'reason' in result ? result.reason : result.kind} is ${expected}`, () => {
      const answer = loginAnswer(result);
      assert.ok('code' in answer);
      assert.equal(`${answer.code} ${enhancedStatus(answer)}`, expected);
    });

  it('RFC 4954 §4: a challenge goes on', () => {
    const bytes = Buffer.from('go on');
    assert.deepEqual(loginAnswer({ kind: 'challenge', bytes }), { challenge: bytes });
  });
});
