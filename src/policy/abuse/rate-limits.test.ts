import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { ClientFacts, Envelope } from '../envelope.ts';
import type { PolicyAnswer } from '../policy.ts';
import type { StrangerRates } from './rate-limits.ts';
import { rateLimits } from './rate-limits.ts';

const two = [{ count: 2, perMs: 60_000 }];
const none: StrangerRates = {
  connectionsPerClient: [],
  messagesPerClient: [],
  recipientsPerClient: [],
  messagesPerSenderDomain: [],
};

const client = (address: string) => ({ remote: { address, port: 1 } }) as ClientFacts;
const envelope = (from: ClientFacts, domain = 'x.test') =>
  ({ client: from, sender: { local: 'a', domain } }) as unknown as Envelope;
const said = (answer: unknown) => {
  const { objection } = (answer ?? {}) as PolicyAnswer;
  return objection === undefined ? undefined : formatReply(objection).trimEnd();
};
const policyWith = (rates: Partial<StrangerRates>, clock = new FakeClock()) =>
  rateLimits({ clock, rates: () => ({ ...none, ...rates }) });

describe('rates of strangers', () => {
  it('connections are counted by network, IPv4 /24 and IPv6 /64; 421 says when to come again', () => {
    const policy = policyWith({ connectionsPerClient: two });
    const connect = (address: string) => said(policy.connect!(client(address)));
    assert.equal(connect('192.0.2.1'), undefined);
    assert.equal(connect('192.0.2.200'), undefined);
    assert.equal(
      connect('192.0.2.7'),
      '421 4.7.1 Too many connections, at most 2 in 1m: again in 30 s',
    );
    assert.equal(connect('192.0.3.7'), undefined);
    for (const last of ['1', 'ffff:1']) assert.equal(connect(`2001:db8::${last}`), undefined);
    assert.match(connect('2001:db8:0:0:5::')!, /^421 /);
    assert.equal(connect('2001:db8:0:1::'), undefined);
  });

  it('what a transaction took comes back when nothing comes of it', () => {
    const policy = policyWith({ messagesPerClient: two, messagesPerSenderDomain: two });
    const mail = (domain?: string) => policy.mail!(envelope(client('192.0.2.1'), domain));
    const first = mail() as PolicyAnswer;
    assert.equal(said(mail()), undefined);
    assert.match(said(mail())!, /^450 4\.7\.1 Too many messages, /);
    first.reservation!.release();
    assert.equal(said(mail('y.test')), undefined);
    assert.match(said(mail('y.test'))!, /^450 4\.7\.1 Too many messages, /);
  });

  it('one domain is limited over all networks, and its refusal costs the network nothing', () => {
    const policy = policyWith({ messagesPerClient: two, messagesPerSenderDomain: two });
    const mail = (address: string, domain: string) =>
      said(policy.mail!(envelope(client(address), domain)));
    mail('192.0.2.1', 'bulk.test');
    mail('192.0.3.1', 'BULK.test');
    assert.match(mail('192.0.4.1', 'bulk.test')!, /of this domain/);
    assert.equal(mail('192.0.4.1', 'other.test'), undefined);
    assert.equal(mail('192.0.4.1', 'other.test'), undefined);
  });

  it('recipients, too', () => {
    const policy = policyWith({ recipientsPerClient: two });
    const rcpt = (from: ClientFacts) => said(policy.rcpt!(envelope(from), {} as never));
    const stranger = client('192.0.2.1');
    assert.deepEqual([rcpt(stranger), rcpt(stranger)], [undefined, undefined]);
    assert.match(rcpt(stranger)!, /^450 4\.7\.1 Too many recipients, /);
  });

  it('what came to nothing counts neither for the domain nor for recipients', () => {
    const policy = policyWith({ messagesPerSenderDomain: two, recipientsPerClient: two });
    const mail = (address: string) => policy.mail!(envelope(client(address))) as PolicyAnswer;
    const first = mail('192.0.2.1');
    assert.equal(said(mail('192.0.3.1')), undefined);
    assert.match(said(mail('192.0.4.1'))!, /of this domain/);
    first.reservation!.release();
    assert.equal(said(mail('192.0.4.1')), undefined);
    const stranger = envelope(client('192.0.2.1'));
    const rcpt = () => policy.rcpt!(stranger, {} as never) as PolicyAnswer;
    rcpt();
    rcpt().reservation!.release();
    assert.equal(said(rcpt()), undefined);
    assert.match(said(rcpt())!, /^450 /);
  });

  it('the null sender is of no domain; where there is no rate there is no limit', () => {
    const policy = policyWith({ messagesPerSenderDomain: two });
    const from = client('192.0.2.1');
    const notification = { client: from, sender: null } as unknown as Envelope;
    for (let i = 0; i < 5; i += 1) {
      assert.equal(said(policy.mail!(notification)), undefined);
      assert.equal(policy.rcpt!(envelope(from), {} as never), undefined);
      assert.equal(policy.connect!(from), undefined);
    }
    const unlimited = policyWith({ messagesPerClient: [{ count: 100, perMs: 1000 }] });
    for (let i = 0; i < 5; i += 1) assert.equal(said(unlimited.mail!(envelope(from))), undefined);
  });
});
