import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { LoginThrottleOptions } from './login-throttle.ts';
import { createLoginThrottle } from './login-throttle.ts';

const minute = 60_000;
const ann = 'ann@example.org';

function setUp(options: Omit<LoginThrottleOptions, 'clock'> = {}) {
  const clock = new FakeClock();
  const throttle = createLoginThrottle({ clock, ...options });
  const fail = (address: string, times: number, user?: string) => {
    for (let i = 0; i < times; i += 1) throttle.failed(address, user);
  };
  const delayMs = (address: string) => {
    const verdict = throttle.check(address);
    return verdict.kind === 'go' ? verdict.delayMs : 'blocked';
  };
  return { clock, throttle, fail, delayMs };
}

describe('login throttle', () => {
  it('waits twice as long after each failure, up to a limit', async () => {
    const { clock, throttle, delayMs } = setUp({ delay: 1_000, delayMax: 8_000 });
    const waits: unknown[] = [];
    for (let i = 0; i < 6; i += 1) {
      const wait = delayMs('192.0.2.1');
      waits.push(wait);
      await clock.advance(Number(wait));
      throttle.failed('192.0.2.1', ann);
    }
    assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 8_000, 8_000]);
    assert.equal(delayMs('192.0.2.2'), 0);
  });

  it('the same password by another mechanism is no other guess; it waits all the same', async () => {
    const { clock, throttle, delayMs } = setUp({ delay: 1_000, failuresPerNetwork: 3 });
    const by = (mechanism: string, password = 'of yesterday') => ({ mechanism, password });
    for (const mechanism of ['PLAIN', 'LOGIN', 'password'])
      throttle.failed('192.0.2.1', ann, by(mechanism));
    assert.equal(delayMs('192.0.2.1'), 1_000);
    await clock.advance(2_000);
    throttle.failed('192.0.2.1', 'Ann@example.org', by('PLAIN'));
    throttle.failed('192.0.2.1', ann, by('LOGIN'));
    assert.equal(delayMs('192.0.2.1'), 2_000, 'by the same one it is another');
    throttle.failed('192.0.2.1', 'bob@example.org', by('LOGIN'));
    assert.equal(delayMs('192.0.2.1'), 'blocked');
    assert.equal(delayMs('192.0.2.2'), 'blocked', 'and its network');
  });

  it('knows the last twenty passwords of an address again', () => {
    const { throttle, delayMs } = setUp({ failuresPerNetwork: 22 });
    const fail = (mechanism: string, i: number) =>
      throttle.failed('192.0.2.1', ann, { mechanism, password: String(i) });
    for (let i = 0; i <= 20; i += 1) fail('PLAIN', i);
    for (let i = 20; i > 0; i -= 1) fail('LOGIN', i);
    assert.notEqual(delayMs('192.0.2.1'), 'blocked');
    fail('LOGIN', 0);
    assert.equal(delayMs('192.0.2.1'), 'blocked');
  });

  it('attempts made side by side wait in line', () => {
    const { fail, delayMs } = setUp({ delay: 1_000 });
    fail('192.0.2.1', 1);
    assert.deepEqual(
      [1, 2, 3].map(() => delayMs('192.0.2.1')),
      [1_000, 2_000, 3_000],
    );
  });

  it('cuts a network off for a while: IPv4 /24, IPv6 /64', async () => {
    for (const [guesser, neighbour, stranger] of [
      ['192.0.2.1', '192.0.2.200', '192.0.3.1'],
      ['2001:db8::1', '2001:db8::ffff:1', '2001:db8:0:1::1'],
      ['::ffff:192.0.2.1', '192.0.2.7', '192.0.3.7'],
    ] as const) {
      const { clock, fail, delayMs } = setUp({ failuresPerNetwork: 20, blockFor: 15 * minute });
      fail(guesser, 19);
      assert.notEqual(delayMs(guesser), 'blocked');
      fail(guesser, 1);
      assert.equal(delayMs(guesser), 'blocked');
      assert.equal(delayMs(neighbour), 'blocked');
      assert.equal(delayMs(stranger), 0);
      await clock.advance(15 * minute);
      assert.equal(delayMs(guesser), 0);
    }
  });

  it('guesses spread over a network count together; those of long ago do not count', async () => {
    const { clock, fail, delayMs } = setUp({ failuresPerNetwork: 20, window: 15 * minute });
    for (let host = 0; host < 19; host += 1) fail(`192.0.2.${host}`, 1);
    assert.equal(delayMs('192.0.2.99'), 0);
    await clock.advance(15 * minute);
    fail('192.0.2.99', 1);
    assert.notEqual(delayMs('192.0.2.99'), 'blocked');
  });

  it('an address that has logged in is not cut off for its neighbours’ guesses', () => {
    const { throttle, fail, delayMs } = setUp();
    throttle.succeeded('192.0.2.7', ann);
    fail('192.0.2.1', 50);
    assert.equal(delayMs('192.0.2.8'), 'blocked');
    assert.equal(delayMs('192.0.2.7'), 0);
    fail('192.0.2.7', 20);
    assert.equal(delayMs('192.0.2.7'), 'blocked');
  });

  it('a typing error is forgiven when the password comes; guesses at others are not', () => {
    const { throttle, fail, delayMs } = setUp({ failuresPerNetwork: 20 });
    for (let day = 0; day < 30; day += 1) {
      fail('192.0.2.1', 1, ann);
      throttle.succeeded('192.0.2.1', ann);
    }
    assert.equal(delayMs('192.0.2.1'), 0);
    for (let i = 0; i < 20; i += 1) {
      fail('192.0.2.1', 1, `user${i}@example.org`);
      throttle.succeeded('192.0.2.1', ann);
    }
    assert.equal(delayMs('192.0.2.1'), 'blocked');
  });

  it('nobody locks an owner out by guessing from elsewhere; strangers are slowed', () => {
    const { throttle } = setUp({ delay: 1_000, delayMax: 8_000 });
    throttle.succeeded('198.51.100.1', ann);
    for (let i = 0; i < 1_000; i += 1)
      throttle.failed(`10.${i % 256}.${i >> 8}.1`, 'ANN@example.org');
    assert.equal(throttle.accountDelayMs('198.51.100.1', ann), 0);
    assert.equal(throttle.accountDelayMs('203.0.113.1', ann), 8_000);
    assert.equal(throttle.accountDelayMs('203.0.113.1', 'bob@example.org'), 0);
  });

  it('guesses at one account cost nothing up to a number, then twice as much each', () => {
    const { throttle } = setUp({ delay: 1_000, delayMax: 8_000 });
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      throttle.failed(`10.0.${i}.1`, ann);
      waits.push(throttle.accountDelayMs('203.0.113.1', ann));
    }
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1_000, 2_000, 4_000]);
  });

  it('an address is known for an account for thirty days', async () => {
    const { clock, throttle } = setUp({ delay: 1_000 });
    throttle.succeeded('198.51.100.1', ann);
    await clock.advance(30 * 24 * 60 * minute);
    for (let i = 0; i < 10; i += 1) throttle.failed(`10.0.${i}.1`, ann);
    assert.equal(throttle.accountDelayMs('198.51.100.1', ann), 1_000);
  });

  it('what is forgiven, or over, leaves no wait behind', async () => {
    const forgiven = setUp({ delay: 1_000, delayMax: 8_000 });
    forgiven.fail('192.0.2.1', 4, ann);
    forgiven.throttle.succeeded('192.0.2.1', ann);
    forgiven.fail('192.0.2.1', 1, ann);
    assert.equal(forgiven.delayMs('192.0.2.1'), 1_000);
    const { clock, fail, delayMs } = setUp({ failuresPerNetwork: 3, blockFor: 15 * minute });
    fail('192.0.2.1', 3);
    await clock.advance(15 * minute);
    assert.deepEqual([delayMs('192.0.2.1'), delayMs('192.0.2.1')], [0, 0]);
  });

  it('takes back the failures of fifty users of an address, not of more', () => {
    const { throttle, fail, delayMs } = setUp({ failuresPerNetwork: 52 });
    for (let i = 0; i < 51; i += 1) fail('192.0.2.1', 1, `user${i}@example.org`);
    throttle.succeeded('192.0.2.1', 'user50@example.org');
    fail('192.0.2.1', 1);
    assert.equal(delayMs('192.0.2.1'), 'blocked');
  });

  it('takes new limits without a restart', () => {
    const { throttle, fail, delayMs } = setUp({ failuresPerNetwork: 20 });
    throttle.update({ failuresPerNetwork: 2 });
    fail('192.0.2.1', 2);
    assert.equal(delayMs('192.0.2.1'), 'blocked');
  });

  it('of several nodes: failures and logins at one count at the other', () => {
    const [one, other] = [setUp({ failuresPerNetwork: 4 }), setUp({ failuresPerNetwork: 4 })];
    const tell = () =>
      other.throttle.told.hear(JSON.parse(JSON.stringify(one.throttle.told.say() ?? null)));
    tell();
    one.fail('192.0.2.1', 2, ann);
    tell();
    assert.equal(other.delayMs('192.0.2.1'), 2_000);
    one.throttle.succeeded('192.0.2.1', ann);
    tell();
    assert.equal(other.delayMs('192.0.2.1'), 0, 'typing errors are taken back');
    one.fail('198.51.100.1', 2);
    tell();
    tell();
    other.fail('198.51.100.1', 2);
    assert.equal(other.delayMs('198.51.100.1'), 'blocked');
    assert.equal(one.delayMs('198.51.100.1'), 2_000, 'what is heard is not told again');
    for (const said of [null, 5, [[], [1, 2], [9, ann, 1], ['192.0.2.9', null, '3']]])
      other.throttle.told.hear(said);
    assert.equal(other.delayMs('192.0.2.9'), 0);
  });

  it('of several nodes: who guesses at one is not known to the other as who logs in', () => {
    const [one, other] = [setUp({ delay: 1_000 }), setUp({ delay: 1_000 })];
    one.throttle.told.say();
    for (let i = 0; i < 10; i += 1) one.fail(`10.0.${i}.1`, 1, ann);
    other.throttle.told.hear(one.throttle.told.say());
    assert.equal(other.throttle.accountDelayMs('10.0.1.1', ann), 1_000);
  });

  it('of several nodes: a thousand clients are told of at once', () => {
    const { throttle, fail } = setUp();
    throttle.told.say();
    for (let i = 0; i < 1_001; i += 1) fail(`10.${i >> 8}.${i & 255}.1`, 1);
    assert.equal((throttle.told.say() as unknown[]).length, 1_000);
  });

  it('remembers a bounded number of guessers', () => {
    const { throttle, delayMs } = setUp();
    throttle.failed('192.0.2.1');
    assert.equal(delayMs('192.0.2.1'), 1_000);
    for (let i = 0; i < 20_000; i += 1)
      throttle.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    assert.equal(delayMs('192.0.2.1'), 0);
  });
});
