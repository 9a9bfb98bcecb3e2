import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeRights } from '../../store/folders/rights.ts';
import {
  allRights,
  formatRights,
  grantedRights,
  parseRights,
  requireRight,
  rightOf,
} from './acl.ts';
import type { LocatedFolder } from './located-folder.ts';
import { ImapRefusal } from './refusal.ts';

describe('rights', () => {
  it('RFC 4314 §2.1.1: c and d stand for what they became, and are shown with any of it', () => {
    assert.equal(parseRights('lrswicda'), 'lrswikxtea');
    assert.equal(parseRights('lrswida'), 'lrswitea');
    assert.equal(parseRights(''), '');
    assert.equal(formatRights('lrswitea'), 'lrswitead');
    assert.equal(formatRights('lrk'), 'lrkc');
    assert.equal(formatRights(allRights), 'lrswipkxteacd');
  });

  it('RFC 4314 §3.1: upper case and what is not known are refused', () => {
    for (const wrong of ['lrQ', 'lrq', 'l r', '0', 'L'])
      assert.equal(parseRights(wrong), undefined);
  });

  it('RFC 4314 §3.1: adds, removes, replaces', () => {
    assert.equal(changeRights('lr', '+', 'wr'), 'lrw');
    assert.equal(changeRights('lrsw', '-', 'sx'), 'lrw');
    assert.equal(changeRights('lrsw', '', 'a'), 'a');
  });

  it('RFC 4314 §2: negative rights take away what anyone and the account have', () => {
    const acl = new Map([
      ['anyone', 'lr'],
      ['ann', 'wi'],
      ['-ann', 'r'],
      ['-anyone', 'i'],
    ]);
    assert.equal(grantedRights(acl, 'ann'), 'lw');
    assert.equal(grantedRights(acl, 'bob'), 'lr');
    assert.equal(grantedRights(new Map(), 'bob'), '');
  });

  it('RFC 5530 §3: NONEXISTENT, or NOPERM where the folder may be known', () => {
    const located = { rights: 'lr' } as LocatedFolder;
    assert.equal(requireRight(located, 'lr'), located);
    const code = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        assert.ok(error instanceof ImapRefusal);
        return error.completion.code;
      }
      return assert.fail('nothing was refused');
    };
    assert.equal(
      code(() => requireRight(located, 'rw')),
      'NOPERM',
    );
    assert.equal(
      code(() => requireRight(undefined, 'r')),
      'NONEXISTENT',
    );
  });
});

it('RFC 4314 §4: which right a flag needs', () => {
  assert.deepEqual(
    ['\\Seen', '\\SEEN', '\\Deleted', '\\deleted', '\\Flagged', '\\Draft', 'Seen', '$Junk'].map(
      rightOf,
    ),
    ['s', 's', 't', 't', 'w', 'w', 'w', 'w'],
  );
});
