// What SEARCH saves and names, for mailboxes with more messages than a function takes arguments.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { savedOf } from './search-result.ts';

it('RFC 9394 §3.1: a window may hold all messages of a large mailbox', () => {
  const found = Uint32Array.from({ length: 300_000 }, (_, i) => i + 1);
  const window = { from: 1, to: 4_294_967_295 };
  assert.deepEqual(savedOf([{ kind: 'SAVE' }, { kind: 'PARTIAL', window }], found), found);
});
