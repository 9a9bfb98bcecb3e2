import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readArguments } from './sendmail.ts';

const server = '127.0.0.1:1025';
const nothing = {
  ...{ from: undefined, readsHeader: false, ignoresDots: false, server, recipients: [] },
};

describe('sendmail’s arguments', () => {
  for (const [given, expected] of [
    ['', {}],
    ['-t -i', { readsHeader: true, ignoresDots: true }],
    ['-ti', { readsHeader: true, ignoresDots: true }],
    ['-oi -t', { readsHeader: true, ignoresDots: true }],
    [
      '-fapp@example.com ann@example.org',
      { from: 'app@example.com', recipients: ['ann@example.org'] },
    ],
    ['-f app@example.com -- a@b.example', { from: 'app@example.com', recipients: ['a@b.example'] }],
    [
      '-S 10.0.0.1:25 -F Me -oem -bm x@y.example',
      { server: '10.0.0.1:25', recipients: ['x@y.example'] },
    ],
  ] as const)
    it(`reads ${given}`, () =>
      assert.deepEqual(readArguments(given.split(' ').filter(Boolean)), {
        ...nothing,
        ...expected,
      }));

  it('takes all that stands behind -- for addresses', () => {
    const { recipients, from } = readArguments(['-i', '--', '--a@b.example', '-fc@b.example']);
    assert.deepEqual([recipients, from], [['--a@b.example', '-fc@b.example'], undefined]);
  });

  it('takes no long option for somebody’s address', () => {
    assert.throws(() => readArguments(['--dry-run', 'a@b.example']), {
      ...{ status: 2, message: /^sendmail has no option '--dry-run'/ },
    });
  });

  it('refuses to be a daemon', () => {
    assert.throws(() => readArguments(['-bd']), { status: 2, message: /-bd is not done here/ });
  });
});
