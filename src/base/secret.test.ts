import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPem, secretPath, withoutSecret } from './secret.ts';

describe('secrets', () => {
  it('a path is shown; what may be the secret itself is not', () => {
    for (const path of ['/etc/key.pem', './key', 'key.pem', '../a', 'secrets.d/password.txt'])
      assert.equal(secretPath(path), path);
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n';
    const keys = [pem, `/${pem}`, 'MC4CAQAwBQYDK2VwBCIEIC/x+y==', `${'x'.repeat(300)}.pem`];
    for (const secret of [...keys, 'hunter2', 'correct horse', ''])
      assert.match(secretPath(secret, `/dir/${secret}`), /^the file \(not shown/, secret);
    assert.equal(isPem(pem), true);
    assert.equal(isPem('key.pem'), false);
  });

  it('an error that quotes the secret is told without it', () => {
    const error = new Error('no user with password hunter2 (aHVudGVyMg==)');
    const told = withoutSecret(error, 'hunter2') as Error;
    assert.equal(told.message, 'no user with password *** (***)');
    assert.doesNotMatch(told.stack ?? '', /hunter2/);
    assert.equal(withoutSecret(error, 'other'), error);
    assert.equal(withoutSecret(error, ''), error);
    assert.match(String(withoutSecret('hunter2', 'hunter2')), /\*\*\*/);
  });
});
