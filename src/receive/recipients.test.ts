// From the RCPTs of a transaction to the recipients of a queued message.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AcceptedRecipient } from '../policy/envelope.ts';
import { parseStoredRcptParams } from '../smtp/extensions/index.ts';
import type { Way } from '../store/queue-store.ts';
import { queueRecipients } from './recipients.ts';

describe('queueRecipients', () => {
  it('RFC 7293 §8.2: where an alias leads to, RRVS does not go along', () => {
    const rrvs = 'RRVS=2020-01-01T00:00:00Z';
    const named = { local: 'ann', domain: 'example.org' };
    const original = 'ann@example.org';
    const away = 'ann@example.net';
    const accepted = (targets: AcceptedRecipient['targets']): AcceptedRecipient => ({
      ...{ named, targets },
      params: parseStoredRcptParams([rrvs, 'NOTIFY=NEVER']) as AcceptedRecipient['params'],
    });
    const paramsOf = (targets: AcceptedRecipient['targets']) =>
      queueRecipients(
        [accepted(targets)],
        (): Way => ({ delivery: 'relay', destination: 'x' }),
      ).recipients.map(({ address, params }) => [address, ...params]);
    assert.deepEqual(
      paramsOf([
        { address: original, copy: '1', original, account: original },
        { address: away, copy: '2', original },
      ]),
      [
        [original, rrvs, 'NOTIFY=NEVER'],
        [away, 'NOTIFY=NEVER'],
      ],
    );
    // What is only handed on is judged there.
    assert.deepEqual(paramsOf([{ address: original, copy: '1' }]), [
      [original, rrvs, 'NOTIFY=NEVER'],
    ]);
  });
});
