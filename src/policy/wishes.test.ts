// Policies about what senders say of their mail: for whom it is (RFC 7293), of which class (RFC 3865).

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scanHeader } from '../mail/header/header.ts';
import type { MailParam, RcptParam } from '../smtp/extensions/index.ts';
import { parseStoredMailParams, parseStoredRcptParams } from '../smtp/extensions/index.ts';
import type { AcceptedRecipient, Envelope } from './envelope.ts';
import { noSoliciting } from './no-soliciting.ts';
import type { Arrival, Policy } from './policy.ts';
import { recipientValidSince } from './recipient-valid-since.ts';

const made = Date.parse('2020-06-01T00:00:00Z');
const account = {
  ...{ address: 'ann@example.org', created: made },
  addresses: ['ann@example.org', 'old@example.org'],
};
const bob = { address: 'bob@example.org', created: made, addresses: ['bob@example.org'] };
const accounts = {
  find: async (address: string) => (address === bob.address ? bob : account),
};

function recipient(
  address: string,
  params: readonly string[] = [],
  isHere = true,
): AcceptedRecipient {
  const [local = '', domain = ''] = address.split('@');
  return {
    named: { local, domain },
    params: parseStoredRcptParams(params) as readonly RcptParam[],
    targets: [{ address, copy: address, ...(isHere && { account: account.address }) }],
  };
}

function envelope(
  recipients: readonly AcceptedRecipient[],
  params: readonly string[] = [],
): Envelope {
  const client = { service: 'smtp', account: undefined } as unknown as Envelope['client'];
  const mail = parseStoredMailParams(params) as readonly MailParam[];
  return { client, sender: null, params: mail, recipients, findings: [], queueId: () => 'q1' };
}

function arrival(head: string): Arrival {
  const bytes = Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`);
  return { head: bytes, header: scanHeader(bytes, true) } as unknown as Arrival;
}

const said = (answer: Awaited<ReturnType<NonNullable<Policy['rcpt']>>>): string =>
  answer?.objection === undefined ? 'yes' : `${answer.objection.code} ${answer.objection.detail}`;

describe('recipient-valid-since', () => {
  const policy = recipientValidSince({ accounts, recipientDelimiter: () => '+' });
  for (const [address, params, expected] of [
    ['ann@example.org', ['RRVS=2020-06-01T00:00:00Z'], 'yes'],
    ['ann@example.org', ['RRVS=2021-01-01T00:00:00Z;C'], 'yes'],
    ['ann@example.org', ['RRVS=2020-05-31T23:59:59Z'], '550 7.17'],
    ['ann+lists@example.org', ['RRVS=2020-05-31T23:59:59Z'], '550 7.17'],
    ['ann+lists@example.org', ['RRVS=2021-01-01T00:00:00Z'], 'yes'],
    ['ann@example.org', [], 'yes'],
    // RFC 7293 §5: not known, and nothing to put in its place.
    ['old@example.org', ['RRVS=2021-01-01T00:00:00Z'], '550 7.19'],
    ['old+x@example.org', ['RRVS=2021-01-01T00:00:00Z'], '550 7.19'],
    // RFC 7293 §5.1 (1): role accounts.
    ['Postmaster@example.org', ['RRVS=2000-01-01T00:00:00Z'], 'yes'],
  ] as const)
    it(`RFC 7293 §5.1: ${address} ${params[0] ?? 'without RRVS'}: ${expected}`, async () => {
      const answer = await policy.rcpt!(envelope([]), recipient(address, params));
      assert.equal(said(answer), expected);
    });

  it('RFC 7293 §5.1.1: what is delivered elsewhere is judged there', async () => {
    const elsewhere = recipient('bob@example.net', ['RRVS=2000-01-01T00:00:00Z'], false);
    assert.equal(said(await policy.rcpt!(envelope([]), elsewhere)), 'yes');
  });

  it('RFC 7293 §8.2: an alias may have been somebody else’s, wherever it leads to now', async () => {
    const aliased = (name: string, address: string, isHere: boolean): AcceptedRecipient => ({
      ...recipient(name, ['RRVS=2021-01-01T00:00:00Z;C']),
      targets: recipient(address, [], isHere).targets,
    });
    for (const [name, address, isHere] of [
      ['gone@example.org', 'ann@example.org', true],
      ['gone@example.org', 'bob@example.net', false],
      ['anna@example.org', 'ann@example.org', true],
      ['ann.x@example.org', 'ann@example.org', true],
    ] as const) {
      const one = aliased(name, address, isHere);
      assert.equal(said(await policy.rcpt!(envelope([]), one)), '550 7.19', name);
      const asked = arrival(field(`${name}; Fri, 1 Jan 2021 09:23:01 -0700`));
      const plain = envelope([{ ...one, params: [] }]);
      assert.equal(said(await policy.message!(plain, asked)), '550 7.19', name);
    }
  });

  it('an alias of the name of an account, from which others get a copy, is the account’s', async () => {
    for (const year of [2021, 2019]) {
      const copies = [
        ...[recipient('bob@example.net', [], false), recipient('ann@example.org')],
        { ...recipient('bob@example.org'), targets: [{ ...bob, copy: '', account: bob.address }] },
      ];
      const one = {
        ...recipient('ann@example.org', [`RRVS=${year}-01-01T00:00:00Z`]),
        targets: copies.flatMap(({ targets }) => targets),
      };
      const expected = year === 2021 ? 'yes' : '550 7.17';
      assert.equal(said(await policy.rcpt!(envelope([]), one)), expected);
    }
  });

  const field = (rest: string) => `Subject: x\nRequire-Recipient-Valid-Since: ${rest}\nTo: y`;
  it('RFC 7293 §5.2: heeds the field where there is no parameter, and takes it out', async () => {
    const before = arrival(field('ann@example.org; Sat, 1 Jun 2019 09:23:01 -0700'));
    const ann = envelope([recipient('ann@example.org')]);
    assert.equal(said(await policy.message!(ann, before)), '550 7.17');
    const after = arrival(field('Ann@Example.org;\n Tue, 1 Jun 2021 09:23:01 -0700'));
    const answer = await policy.message!(envelope([recipient('Ann@example.org')]), after);
    assert.equal(said(answer), 'yes');
    const [dropped] = answer?.head?.dropped ?? [];
    const text = String(after.head.subarray(dropped!.start, dropped!.end));
    assert.match(text, /^Require-[^:]+: Ann@Example.org;\r\n Tue, .* -0700\r\n$/);
  });

  for (const [rest, recipients] of [
    // RFC 7293 §5.2 (1), (2)
    ['ann@example.org; 1 Jun 2019', [recipient('ann@example.org')]],
    ['ann@example.org', [recipient('ann@example.org')]],
    ['bob@example.org; Sat, 1 Jun 2019 09:23:01 -0700', [recipient('ann@example.org')]],
    ['abuse@example.org; Sat, 1 Jun 2019 09:23:01 -0700', [recipient('abuse@example.org')]],
    [
      'ann@example.org; Sat, 1 Jun 2019 09:23:01 -0700',
      [recipient('ann@example.org', ['RRVS=2021-01-01T00:00:00Z'])],
    ],
    ['ann@example.org; Sat, 1 Jun 2019 09:23:01 -0700', [recipient('ann@example.org', [], false)]],
  ] as const)
    it(`RFC 7293 §5.2 (2): passes over ${rest}`, async () => {
      const answer = await policy.message!(envelope(recipients), arrival(field(rest)));
      assert.equal(said(answer), 'yes');
    });
});

describe('no-soliciting', () => {
  const policy = noSoliciting({ classes: () => ['org.example:ADV'] });
  const ann = recipient('ann@example.org');

  it('RFC 3865 §2.3, §2.4: refuses at RCPT, with the class that matched', async () => {
    const answer = await policy.rcpt!(envelope([], ['SOLICIT=net.example:X,ORG.example:adv']), ann);
    assert.equal(answer?.objection?.lines[0], 'Not wanted here: SOLICIT=ORG.example:adv');
    assert.equal(said(await policy.rcpt!(envelope([], ['SOLICIT=net.example:X']), ann)), 'yes');
    assert.equal(said(await policy.rcpt!(envelope([]), ann)), 'yes');
  });

  it('RFC 3865 §2.3: refuses by the Solicitation field', async () => {
    const of = async (text: string) =>
      said(await policy.message!(envelope([ann]), arrival(`Solicitation: ${text}`)));
    assert.equal(await of('org.example:ADV'), '550 7.1');
    assert.equal(await of('net.example:X, org.example:ADV'), '550 7.1');
    assert.equal(await of('net.example:X'), 'yes');
    assert.equal(await of('not wanted: really'), 'yes');
  });

  it('judges nothing that somebody of ours sends, and nothing where no class is named', async () => {
    const sent = { ...envelope([], ['SOLICIT=org.example:ADV']) };
    const client = { ...sent.client, account: 'ann@example.org' };
    assert.equal(said(await policy.rcpt!({ ...sent, client }, ann)), 'yes');
    const none = noSoliciting({ classes: () => [] });
    assert.equal(said(await none.rcpt!(sent, ann)), 'yes');
  });
});
