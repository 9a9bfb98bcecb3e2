import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { Chaos, faultOf, type Triggers } from './chaos.ts';
import type { AcceptedRecipient, Envelope } from './envelope.ts';

const off = { code: 451, percent: 0 };
const quiet: Triggers = { sender: off, recipient: off, authentication: { ...off, code: 535 } };

const envelope = (...locals: string[]) =>
  ({ recipients: locals.map((local) => recipient(local)) }) as unknown as Envelope;
const recipient = (local: string) =>
  ({ named: { local, domain: 'example.org' } }) as unknown as AcceptedRecipient;

function chaos(triggers: Partial<Triggers> = {}) {
  const clock = new FakeClock();
  const random = seededRandom(7);
  return { clock, chaos: new Chaos({ triggers: { ...quiet, ...triggers }, clock, random }) };
}

describe('faults on purpose', () => {
  it('are asked for by addresses, and by nothing that only looks like one', () => {
    for (const [local, fault] of [
      ['fail-450', { kind: 'refuse', code: 450 }],
      ['FAIL-550+tag', { kind: 'refuse', code: 550 }],
      ['fail-data-552', { kind: 'refuse-content', code: 552 }],
      ['slow-5s', { kind: 'slow', seconds: 5 }],
      ['slow-999s', { kind: 'slow', seconds: 60 }],
      ['drop', { kind: 'refuse', code: 421 }],
      ...['fail-350', 'fail-45', 'failure', 'slow-s', 'slowly', 'dropbox', 'ann'].map(
        (one) => [one, undefined] as const,
      ),
    ] as const)
      assert.deepEqual(faultOf({ local, domain: 'example.org' }), fault, local);
  });

  it('refuse, answer late, and refuse content', async () => {
    const { clock, chaos: one } = chaos();
    const { rcpt, message } = one.policy;
    const refused = await rcpt?.(envelope(), recipient('fail-450'));
    assert.deepEqual([refused?.objection?.code, refused?.objection?.detail], [450, '0.0']);
    assert.equal(await rcpt?.(envelope(), recipient('ann')), undefined);
    let answered = false;
    const late = Promise.resolve(rcpt?.(envelope(), recipient('slow-5s'))).then(() => {
      answered = true;
    });
    await clock.advance(4_999);
    assert.equal(answered, false);
    await clock.advance(1);
    await late;
    const content = await message?.(envelope('ann', 'fail-data-552'), {} as never);
    assert.equal(content?.objection?.code, 552);
    assert.equal(await message?.(envelope('ann'), {} as never), undefined);
  });

  it('come by chance as often as they are asked for, the same each time with the same seed', async () => {
    const refusals = () => {
      const { chaos: one } = chaos({ sender: { code: 452, percent: 30 } });
      return Array.from({ length: 1000 }, () => one.policy.mail?.(envelope()) !== undefined);
    };
    const first = refusals();
    const count = first.filter(Boolean).length;
    assert.ok(count > 250 && count < 350, `${count}`);
    assert.deepEqual(refusals(), first);
    const { chaos: never } = chaos();
    assert.equal(await never.policy.mail?.(envelope()), undefined);
    const login = { verifyPassword: async () => 'ann', mayActAs: async () => true };
    assert.equal(await never.over(login).verifyPassword('ann', ''), 'ann');
    const { chaos: always } = chaos({ authentication: { code: 535, percent: 100 } });
    assert.equal(await always.over(login).verifyPassword('ann', ''), undefined);
  });
});
