import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { InTurn, Turn } from '../store/nodes.ts';
import { alone, TurnLostError } from '../store/nodes.ts';
import type { RecordStore, StoredRecord } from '../store/record-store.ts';
import type { KeeperSettings, Obtained } from './certificate-keeper.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import type { Proof } from './challenges.ts';
import { FakeAuthority, problem } from './fake-authority.ts';
import { certificateId } from './renewal.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Advice: between so many days after it was issued. */
const days = (from: number, to: number) => (issued: number) => ({
  start: issued + from * dayMs,
  end: issued + to * dayMs,
});

class MemoryRecords implements Pick<RecordStore, 'get' | 'put' | 'remove'> {
  readonly all = new Map<string, StoredRecord>();
  get = async (kind: string, key: string) => this.all.get(`${kind} ${key}`);
  put = async (records: readonly StoredRecord[]) => {
    for (const one of records) this.all.set(`${one.kind} ${one.key}`, one);
  };
  remove = async (kind: string, keys: readonly string[]) => {
    for (const key of keys) this.all.delete(`${kind} ${key}`);
  };
}

class World {
  readonly clock = new FakeClock();
  readonly authority = new FakeAuthority(this.clock);
  readonly records = new MemoryRecords();
  readonly lines: string[] = [];
  readonly shown: Proof[] = [];
  obtained: readonly Obtained[] = [];
  inTurn: InTurn = alone.inTurn;

  settings(given: Partial<KeeperSettings> = {}): KeeperSettings {
    return {
      ...{ directory: this.authority.directory, send: this.authority.send, contact: [] },
      ...{ names: [['mx.example.org']], profile: undefined, reuseKey: true },
      solvers: [
        {
          type: 'http-01',
          present: async (proof) => void this.shown.push(proof),
          withdraw: async (proof) => void this.shown.splice(this.shown.indexOf(proof), 1),
        },
      ],
      ...given,
    };
  }

  /** A server starts, and runs until everything that is due is done. */
  async start(given: Partial<KeeperSettings> = {}): Promise<CertificateKeeper> {
    const note = (event: string, { reason = '' }: { readonly reason?: string } = {}) =>
      void this.lines.push(`${event} ${reason}`.trim());
    const keeper = new CertificateKeeper(this.settings(given), {
      ...{ records: this.records, clock: this.clock, random: seededRandom(1) },
      inTurn: this.inTurn,
      log: { debug: () => {}, info: note, warn: note, error: note },
      onChange: (obtained) => {
        this.obtained = obtained;
      },
    });
    await keeper.load();
    keeper.start();
    await this.clock.advance(10_000);
    return keeper;
  }

  certificate(index = 0): X509Certificate {
    return new X509Certificate(this.obtained[index]!.certificate);
  }

  count(asked: string): number {
    return this.authority.asked.filter((one) => one === asked).length;
  }
}

describe('a certificate', () => {
  it('is obtained with its key and chain, told of, and kept over a restart', async () => {
    const world = new World();
    world.authority.isShown = (name) => world.shown.some((proof) => proof.name === name);
    const keeper = await world.start({ profile: 'shortlived' });
    assert.deepEqual(world.lines, ['certificate obtained']);
    assert.equal(world.certificate().subjectAltName, 'DNS:mx.example.org');
    assert.equal(world.obtained[0]!.certificate.match(/BEGIN/g)?.length, 2);
    assert.equal(world.authority.orders[0]!.profile, 'shortlived');
    assert.deepEqual(world.shown, [], 'what was shown is withdrawn');
    keeper.stop();
    world.authority.asked.length = 0;
    world.obtained = [];
    await world.start();
    assert.equal(world.obtained.length, 1);
    assert.deepEqual(world.authority.asked, [], 'nobody is asked again');
  });

  it('RFC 8555 §6.5: a nonce that is refused is exchanged', async () => {
    const world = new World();
    world.authority.noncesRefused = 20;
    await world.start();
    assert.deepEqual(world.lines, ['certificate obtained']);
  });

  it('there is one for each list of names; one that fails holds up no other, and says why (RFC 7807 §3.1)', async () => {
    const world = new World();
    world.authority.isShown = (name) => name !== 'a.example';
    await world.start({ names: [['a.example'], ['b.example', 'c.example']] });
    assert.deepEqual(world.lines, [
      'certificate not obtained a.example by http-01: nothing is shown (unauthorized)',
      'certificate obtained',
    ]);
    assert.deepEqual(world.obtained[0]!.names, ['b.example', 'c.example']);
    assert.equal(world.authority.accounts.length, 1);
  });

  it('why there is none is said, also where what was shown cannot be withdrawn', async () => {
    const world = new World();
    world.authority.isShown = () => false;
    const fails = async (): Promise<never> => Promise.reject(new Error('the hook is broken'));
    await world.start({
      solvers: [{ type: 'http-01', present: async () => {}, withdraw: fails }],
    });
    assert.match(world.lines.join(), /nothing is shown \(unauthorized\)/);
  });
});

describe('renewal', () => {
  it('is due with a third of its life left, of 90 days and of 6; the key stays', async () => {
    for (const [lifeMs, earlyMs, lateMs] of [
      [90 * dayMs, 59 * dayMs, 2 * dayMs],
      [6 * dayMs, 3.9 * dayMs, 0.2 * dayMs],
    ] as const) {
      const world = new World();
      world.authority.lifeMs = lifeMs;
      await world.start();
      const first = world.certificate();
      await world.clock.advance(earlyMs);
      assert.equal(world.certificate().serialNumber, first.serialNumber);
      await world.clock.advance(lateMs);
      assert.notEqual(world.certificate().serialNumber, first.serialNumber);
      assert.deepEqual(world.certificate().publicKey, first.publicKey);
      assert.equal(world.authority.orders.length, 2);
    }
  });

  it('has another key without `reuseKey`', async () => {
    const world = new World();
    await world.start({ reuseKey: false });
    const first = world.certificate();
    await world.clock.advance(61 * dayMs);
    assert.notDeepEqual(world.certificate().publicKey, first.publicKey);
  });

  it('RFC 9773 §4.2, §5: is at a moment in the window that the authority advises, and says what it replaces', async () => {
    const world = new World();
    world.authority.advice = days(10, 12);
    await world.start();
    const first = world.certificate();
    await world.clock.advance(10 * dayMs - minuteMs);
    assert.equal(world.authority.orders.length, 1);
    await world.clock.advance(2 * dayMs + hourMs);
    assert.equal(world.authority.orders.length, 2);
    assert.equal(world.authority.orders[1]!.replaces, certificateId(first));
    // RFC 9773 §4.3.3: it was asked again every six hours, as it said.
    const questions = world.authority.asked.filter((one) => one.startsWith('GET /renewal')).length;
    assert.ok(questions >= 38 && questions <= 52, String(questions));
  });

  it('is at once when the window moves into the past, as before a revocation', async () => {
    const world = new World();
    world.authority.advice = days(50, 52);
    await world.start();
    await world.clock.advance(2 * dayMs);
    assert.equal(world.authority.orders.length, 1);
    world.authority.advice = days(-2, -1);
    await world.clock.advance(6 * hourMs + minuteMs);
    assert.equal(world.authority.orders.length, 2);
  });

  it('is no sooner than after a day, or a tenth of a short life, whatever is advised', async () => {
    const world = new World();
    world.authority.advice = days(-2, -1);
    await world.start();
    await world.clock.advance(3.1 * dayMs);
    assert.equal(world.authority.orders.length, 4);
  });

  it('goes on without advice, and without `replaces` where that is refused', async () => {
    const world = new World();
    world.authority.advice = days(10, 11);
    await world.start();
    const id = certificateId(world.certificate());
    world.authority.instead.set(`/renewal/${id}`, { status: 500, body: 'sorry' });
    await world.clock.advance(9 * dayMs);
    world.authority.instead.set('/order', problem('alreadyReplaced'));
    await world.clock.advance(2 * dayMs + hourMs);
    assert.equal(world.authority.orders.length, 2);
    assert.equal(world.authority.orders[1]!.replaces, undefined);
  });
});

describe('failures', () => {
  it('are tried again with growing patience, also after a restart; a reload does not wait', async () => {
    const world = new World();
    world.authority.isShown = () => false;
    const keeper = await world.start();
    await world.clock.advance(4 * minuteMs);
    assert.equal(world.authority.orders.length, 1);
    await world.clock.advance(3 * minuteMs);
    assert.equal(world.authority.orders.length, 2, 'after five minutes and a little');
    keeper.stop();
    const again = await world.start();
    await world.clock.advance(13 * minuteMs);
    assert.equal(world.authority.orders.length, 2);
    await world.clock.advance(6 * minuteMs);
    assert.equal(world.authority.orders.length, 3, 'after a quarter of an hour and a little');
    await world.clock.advance(30 * dayMs);
    assert.ok(world.authority.orders.length < 40, String(world.authority.orders.length));
    world.authority.isShown = () => true;
    await again.change(world.settings());
    await world.clock.advance(10_000);
    assert.equal(world.obtained.length, 1);
    assert.equal(await world.records.get('acme-failure', 'mx.example.org'), undefined);
  });

  it('RFC 8555 §6.6: an authority that limits us is not asked before the time that it names', async () => {
    const world = new World();
    const limited = problem('rateLimited', { 'retry-after': String(2 * 24 * 60 * 60) });
    world.authority.instead.set('/order', limited);
    await world.start();
    assert.deepEqual(world.lines, [
      'certificate not obtained the authority says it is rateLimited (rateLimited)',
    ]);
    await world.clock.advance(2 * dayMs - minuteMs);
    assert.equal(world.authority.orders.length, 0);
    await world.clock.advance(minuteMs);
    assert.equal(world.obtained.length, 1);
  });

  it('an order that broke off is gone on with, with its key', async () => {
    const world = new World();
    world.authority.instead.set('/certificates/0', undefined);
    await world.start();
    assert.deepEqual(world.lines, ['certificate not obtained the connection ended']);
    await world.clock.advance(10 * minuteMs);
    assert.equal(world.authority.orders.length, 1);
    assert.equal(world.obtained.length, 1);
    assert.equal(world.count('POST /challenges/0'), 1);
  });

  it('an account that the authority has forgotten is made anew', async () => {
    const world = new World();
    await world.start();
    world.authority.accounts[0] = undefined;
    await world.clock.advance(61 * dayMs);
    assert.deepEqual(world.lines, ['certificate obtained', 'certificate obtained']);
    assert.equal(world.authority.accounts.length, 2);
  });

  it('a renewal that fails leaves the certificate in force', async () => {
    const world = new World();
    await world.start();
    world.authority.isShown = () => false;
    await world.clock.advance(70 * dayMs);
    assert.equal(world.obtained.length, 1);
    assert.match(world.lines.at(-1)!, /^certificate not obtained/);
    world.authority.isShown = () => true;
    await world.clock.advance(2 * dayMs);
    assert.equal(world.lines.at(-1), 'certificate obtained');
  });

  it('what another node has obtained meanwhile is taken, and not ordered again', async () => {
    const [one, other] = [new World(), new World()];
    await other.start();
    one.authority.isShown = () => false;
    await one.start();
    for (const [name, record] of other.records.all) one.records.all.set(name, record);
    await one.clock.advance(hourMs);
    assert.equal(one.authority.orders.length, 1);
    assert.equal(one.certificate().serialNumber, other.certificate().serialNumber);
  });

  it('an authority that makes no sense, or gives a certificate of other names, is no authority', async () => {
    for (const [path, said, words] of [
      ['/directory', { json: {} }, /the authority sent no newNonce/],
      ['/order', { json: [], headers: { location: 'x' } }, /an order that is no object/],
      ['/order', { status: 503, body: '<html>' }, /the authority says HTTP 503/],
      ['/certificates/0', { body: 'hello' }, /the authority sent no certificate/],
    ] as const) {
      const world = new World();
      world.authority.instead.set(path, said);
      await world.start();
      assert.match(world.lines[0]!, words);
      assert.equal(world.obtained.length, 0);
    }
  });
});

describe('revocation (RFC 8555 §7.6)', () => {
  it('tells the authority, and another certificate takes its place; the key stays where it is not the reason', async () => {
    for (const [reason, code, isSameKey] of [
      ['superseded', 4, true],
      ['keyCompromise', 1, false],
    ] as const) {
      const world = new World();
      const keeper = await world.start();
      const before = world.certificate();
      assert.deepEqual(await keeper.revoke('mx.example.org', reason), ['mx.example.org']);
      await world.clock.advance(10_000);
      assert.deepEqual([...world.authority.revoked], [[before.serialNumber, code]]);
      const after = world.certificate();
      assert.notEqual(after.serialNumber, before.serialNumber);
      assert.equal(after.publicKey.equals(before.publicKey), isSameKey);
      assert.deepEqual(world.lines, [
        'certificate obtained',
        `certificate revoked ${reason}`,
        'certificate obtained',
      ]);
      const { privateKey } = JSON.parse(
        (await world.records.get('acme-certificate', 'mx.example.org'))!.value,
      );
      assert.ok(after.checkPrivateKey(createPrivateKey(privateKey)));
    }
  });

  it('a key that is lost stays lost over a restart', async () => {
    const world = new World();
    const keeper = await world.start();
    const before = world.certificate();
    world.authority.isShown = () => false;
    await keeper.revoke('mx.example.org', 'keyCompromise');
    keeper.stop();
    world.authority.isShown = () => true;
    await world.start();
    await world.clock.advance(dayMs);
    assert.equal(world.certificate().publicKey.equals(before.publicKey), false);
  });

  it('one that is revoked already is as good; what cannot be done says why, and changes nothing', async () => {
    const world = new World();
    const keeper = await world.start();
    world.authority.revoked.set(world.certificate().serialNumber, 0);
    await keeper.revoke('mx.example.org', 'unspecified');
    await world.clock.advance(10_000);
    assert.equal(world.authority.orders.length, 2);
    const refused = keeper.revoke('other.example', 'unspecified');
    await assert.rejects(refused, /there is no certificate for other\.example/);
    world.authority.instead.set('/revoke', problem('unauthorized'));
    await assert.rejects(keeper.revoke('mx.example.org', 'unspecified'), /it is unauthorized/);
    await world.clock.advance(10_000);
    assert.equal(world.authority.orders.length, 2);
  });
});

describe('several nodes', () => {
  /** As nodes take turns; each is told of what is written as another one would be. */
  async function two() {
    const one = new World();
    const held = new Set<string>();
    const inTurn: InTurn = async (duty, work) => {
      if (held.has(duty)) return undefined;
      held.add(duty);
      return alone.inTurn(duty, work).finally(() => held.delete(duty));
    };
    one.inTurn = inTurn;
    const other: { obtained: readonly Obtained[]; keeper?: CertificateKeeper } = { obtained: [] };
    const open = async () => {
      const keeper = new CertificateKeeper(one.settings(), {
        ...{ records: one.records, clock: one.clock, random: seededRandom(2), inTurn },
        log: silentLog,
        onChange: (obtained) => {
          other.obtained = obtained;
        },
      });
      await keeper.load();
      keeper.start();
      return keeper;
    };
    return { one, other, open };
  }

  it('one obtains the certificate, and the other has it as soon as it hears of it', async () => {
    const { one, other, open } = await two();
    const second = await open();
    await one.start();
    assert.equal(one.authority.orders.length, 1);
    second.refresh();
    await one.clock.advance(1);
    assert.equal(other.obtained[0]?.certificate, one.obtained[0]?.certificate);
    await one.clock.advance(61 * dayMs);
    assert.equal(one.authority.orders.length, 2, 'nor twice when it is to be renewed');
    assert.equal(one.authority.accounts.length, 1);
  });

  it('what one could not get, the other does not ask for at once', async () => {
    const { one, open } = await two();
    one.authority.isShown = () => false;
    await open();
    await one.start();
    await one.clock.advance(minuteMs);
    assert.equal(one.authority.orders.length, 1);
    await one.clock.advance(5 * minuteMs);
    assert.equal(one.authority.orders.length, 2);
  });

  it('one that lost its turn asks for nothing more, and writes nothing down', async () => {
    const world = new World();
    const lost = new TurnLostError('certificates');
    let isLost = false;
    const turn: Turn = {
      ...{ duty: 'certificates', session: 1 },
      confirm: async () => {
        if (isLost) throw lost;
      },
    };
    world.inTurn = async (_, work) => work(turn);
    world.authority.isShown = () => {
      isLost ||= world.shown.length > 0;
      return true;
    };
    await world.start();
    const asked = world.authority.asked.length;
    assert.deepEqual([...world.records.all.keys()].map((key) => key.split(' ')[0]).sort(), [
      ...['acme-account', 'acme-order'],
    ]);
    assert.equal(world.shown.length, 1, 'what is shown is another’s to withdraw');
    assert.deepEqual(world.lines, []);
    isLost = false;
    world.authority.isShown = () => true;
    await world.clock.advance(minuteMs);
    assert.ok(world.authority.asked.length > asked);
    assert.equal(world.authority.orders.length, 1, 'it goes on where it was');
    assert.equal(world.obtained.length, 1);
  });
});
