import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { createLoginThrottle } from '../policy/login-throttle.ts';
import type { SaslStep } from '../sasl/mechanism.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Challenge } from './conversation.ts';
import { Login } from './login.ts';

const bytes = (text: string) => Buffer.from(text);
const codeOf = (answer: Reply | Challenge): string =>
  'challenge' in answer
    ? `334 ${Buffer.from(answer.challenge).toString()}`
    : `${answer.code} ${answer.detail}`;

/** A login whose exchanges go through these steps; `seen` is what it was told and did. */
function open(steps: readonly SaslStep[] = [], failuresPerNetwork = 3) {
  const clock = new FakeClock();
  const seen: string[] = [];
  const throttle = createLoginThrottle({ clock, failuresPerNetwork, delay: 1_000 });
  const watched = {
    ...throttle,
    check: (address: string) => throttle.check(address),
    isBlocked: (address: string) => throttle.isBlocked(address),
    update: () => {},
    accountDelayMs: () => 0,
    failed(address: string, user?: string) {
      seen.push(`failed ${address} ${user}`);
      throttle.failed(address, user);
    },
    succeeded(address: string, user: string) {
      seen.push(`succeeded ${address} ${user}`);
      throttle.succeeded(address, user);
    },
  };
  let next = 0;
  let leave = () => {};
  const login = new Login({
    clientAddress: '192.0.2.7',
    throttle: watched,
    clock,
    onLeave: (callback) => {
      leave = callback;
      return () => {};
    },
    startSasl: (mechanism) =>
      mechanism === 'PLAIN'
        ? {
            async step(response) {
              seen.push(`step ${response === undefined ? '-' : Buffer.from(response).toString()}`);
              return steps[next++] ?? assert.fail('no such step');
            },
          }
        : undefined,
    onSuccess: (account) => void seen.push(`account ${account}`),
    onFailure: (mechanism, { reason }) => void seen.push(`${mechanism} ${reason}`),
  });
  return { login, clock, seen, leave: () => leave() };
}

const wrong: SaslStep = { kind: 'failure', reason: 'credentials', user: 'ann@example.org' };
const success: SaslStep = { kind: 'success', account: 'ann@example.org' };

describe('Login', () => {
  it('no turn is waited for by a client that has left', async () => {
    const { login, clock, seen, leave } = open([wrong]);
    await login.start('PLAIN', bytes('x'));
    const waiting = login.start('PLAIN', bytes('y'));
    leave();
    assert.equal(codeOf(await waiting), '454 7.0');
    assert.equal(clock.nextTimer(), undefined);
    assert.ok(!seen.includes('step y'));
  });

  it('RFC 4954 §4: 235 at the end of an exchange; the throttle hears of it', async () => {
    const { login, seen } = open([{ kind: 'challenge', bytes: bytes('go on') }, success]);
    assert.equal(codeOf(await login.start('PLAIN', undefined)), '334 go on');
    assert.equal(codeOf(await login.respond(bytes('secret'))), '235 7.0');
    assert.deepEqual(seen, [
      'step -',
      'step secret',
      'succeeded 192.0.2.7 ann@example.org',
      'account ann@example.org',
    ]);
  });

  it('RFC 4954 §4: data that comes with success is a challenge with an empty response', async () => {
    const { login, seen } = open([{ ...success, final: bytes('v=proof') } as SaslStep]);
    assert.equal(codeOf(await login.start('PLAIN', bytes('x'))), '334 v=proof');
    assert.ok(!seen.includes('account ann@example.org'), 'not before the client has read it');
    assert.equal(codeOf(await login.respond(new Uint8Array())), '235 7.0');
    assert.ok(seen.includes('account ann@example.org'));
  });

  for (const [reason, expected, counts] of [
    ['credentials', '535 7.8', true],
    ['malformed', '501 5.2', false],
    ['temporary', '454 7.0', false],
  ] as const)
    it(`RFC 4954 §6: ${reason} is ${expected}${counts ? ', and counts' : ''}`, async () => {
      const { login, seen } = open([{ kind: 'failure', reason, user: 'ann@example.org' }]);
      assert.equal(codeOf(await login.start('PLAIN', bytes('x'))), expected);
      assert.equal(seen.includes('failed 192.0.2.7 ann@example.org'), counts);
      assert.ok(seen.includes(`PLAIN ${reason}`), 'the owner can log it');
    });

  it('RFC 4954 §4: 504 for a mechanism that there is not', async () => {
    assert.equal(codeOf(await open().login.start('X-NONE', undefined)), '504 5.4');
  });

  it('a response without an exchange, or after a cancelled one, is 501', async () => {
    const { login } = open([{ kind: 'challenge', bytes: bytes('go on') }]);
    assert.equal(codeOf(await login.respond(bytes('x'))), '501 5.2');
    await login.start('PLAIN', undefined);
    login.cancel();
    assert.equal(codeOf(await login.respond(bytes('x'))), '501 5.2');
  });

  it('after a failure the next attempt has to wait', async () => {
    const { login, clock, seen } = open([wrong, success]);
    await login.start('PLAIN', bytes('x'));
    const again = login.start('PLAIN', bytes('y'));
    await clock.advance(999);
    assert.ok(!seen.includes('step y'));
    await clock.advance(1);
    assert.equal(codeOf(await again), '235 7.0');
  });

  it('RFC 5321 §3.8: a network that guessed too often gets 421, and nothing is looked at', async () => {
    const { login, seen } = open([wrong], 1);
    await login.start('PLAIN', bytes('x'));
    assert.equal(codeOf(await login.start('PLAIN', bytes('y'))), '421 7.0');
    assert.ok(!seen.includes('step y'));
  });
});
