import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import type { Fields, Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { memoryHistory } from '../store/test-history.ts';
import { Refusals, refusalsPerClient, windowMs } from './refusals.ts';

function setUp() {
  const clock = new FakeClock();
  const lines: (Fields & { readonly event: string })[] = [];
  const keep = (event: string, fields?: Fields) => lines.push({ event, ...fields });
  const log: Log = { ...silentLog, info: keep, warn: keep };
  const history = memoryHistory();
  return { clock, lines, history, refusals: new Refusals({ log, clock, history }) };
}

const refusal = {
  ...{ session: 's1', service: 'smtp', client: '192.0.2.7', hello: 'a.test', stage: 'rcpt' },
  ...{ from: 'x@far.test', to: 'Nobody@Example.org', reply: '550 5.1.1 No', reason: 'No' },
};

describe('Refusals', () => {
  it('writes one line with everything, and history finds it by address, Message-ID and session', async () => {
    const { lines, history, refusals } = setUp();
    refusals.note({ ...refusal, messageId: '<M1@far.test>' });
    assert.deepEqual(lines, [{ event: 'refused', ...refusal, messageId: '<M1@far.test>' }]);
    for (const text of [
      'nobody@example.ORG',
      'X@far.test',
      '<x@far.test>',
      'M1@far.test',
      '<M1@far.test>',
      's1',
    ])
      assert.equal((await history.findRefused(text)).length, 1, text);
    assert.equal((await history.findRefused('x@other.test')).length, 0);
    assert.equal((await history.find('s1')).length, 0, 'it is no message');
  });

  it('what was found out is told in words, and kept as it was found', async () => {
    const { lines, history, refusals } = setUp();
    const findings = [{ kind: 'note', policy: 'spf', text: 'fail' }] as const;
    refusals.note({ ...refusal, findings });
    assert.deepEqual(lines[0]?.findings, ['spf: fail']);
    const [event] = await history.findRefused('x@far.test');
    assert.deepEqual(event?.refusal.findings, findings);
  });

  it('a flood of one client is left out and counted, that of others is not', async () => {
    const { clock, lines, history, refusals } = setUp();
    for (let i = 0; i < 1000; i += 1) refusals.note(refusal);
    refusals.note({ ...refusal, client: '192.0.2.8' });
    assert.equal(lines.length, refusalsPerClient + 1);
    assert.equal((await history.findRefused('x@far.test')).length, refusalsPerClient + 1);
    await clock.advance(windowMs);
    assert.deepEqual(lines.at(-1), {
      ...{ event: 'refusals left out', client: '192.0.2.7' },
      ...{ count: 1000 - refusalsPerClient, ms: windowMs },
    });
    refusals.note(refusal);
    assert.equal(lines.at(-1)?.event, 'refused', 'and then it is heard again');
    await clock.advance(10 * windowMs);
    assert.equal(lines.filter(({ event }) => event === 'refusals left out').length, 1);
  });

  it('an IPv6 /64 is one client', () => {
    const { lines, refusals } = setUp();
    for (let i = 1; i <= 100; i += 1)
      refusals.note({ ...refusal, client: `2001:db8::${i.toString(16)}` });
    assert.equal(lines.length, refusalsPerClient);
    refusals.close();
    assert.equal(lines.at(-1)?.client, '2001:db8:0:0::/64');
    assert.equal(lines.at(-1)?.count, 100 - refusalsPerClient);
  });

  it('logins that failed are warnings, limited in the same way, and found by the name', async () => {
    const { lines, history, refusals } = setUp();
    const failure = { client: '192.0.2.7', mechanism: 'PLAIN', reason: 'credentials' };
    for (let i = 0; i < 50; i += 1) refusals.loginFailed({ ...failure, user: 'Ann@example.org' });
    assert.equal(lines.length, refusalsPerClient);
    assert.deepEqual(lines[0], { event: 'login failed', ...failure, user: 'Ann@example.org' });
    const [found] = await history.findRefused('ann@example.org');
    assert.equal(found?.refusal.reason, 'PLAIN: credentials');
  });

  it('memory is bounded: of many clients the one counted longest is told of and forgotten', () => {
    const { lines, refusals } = setUp();
    for (let i = 0; i < 25; i += 1) refusals.note(refusal);
    for (let i = 0; i < 10_000; i += 1)
      refusals.note({ ...refusal, client: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` });
    const told = lines.filter(({ event }) => event === 'refusals left out');
    assert.deepEqual(
      told.map(({ client, count }) => [client, count]),
      [['192.0.2.7', 5]],
    );
  });

  it('what strangers say of themselves is cut', () => {
    const { lines, refusals } = setUp();
    refusals.note({ ...refusal, hello: 'x'.repeat(5000) });
    assert.ok(JSON.stringify(lines[0]).length < 1000);
  });
});
