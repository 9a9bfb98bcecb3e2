import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Finding } from './finding.ts';
import { findingText } from './finding.ts';

for (const [finding, text] of [
  [{ kind: 'sender-alias', account: 'a@b' }, 'the sender is an alias of a@b'],
  [{ kind: 'mailbox-full', account: 'a@b' }, 'the mailbox of a@b is full'],
  [{ kind: 'forged-results', fields: 1 }, '1 Authentication-Results field not of ours taken out'],
  [{ kind: 'forged-results', fields: 2 }, '2 Authentication-Results fields not of ours taken out'],
  [{ kind: 'note', policy: 'p', text: 't' }, 'p: t'],
] satisfies readonly (readonly [Finding, string])[])
  it(`a finding is told: ${text}`, () => assert.equal(findingText(finding), text));

it('what another version has recorded is told by its name', () => {
  for (const kind of ['of-tomorrow', 'constructor'])
    assert.equal(findingText({ kind } as unknown as Finding), kind);
});
