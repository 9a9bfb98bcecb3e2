import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMailbox } from '../../mail/fields/address.ts';
import type { Finding } from '../../mail/finding.ts';
import { findingText } from '../../mail/finding.ts';
import { formatReply, reply } from '../../smtp/reply.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from '../envelope.ts';
import type { Policy, PolicyAnswer, Stage } from '../policy.ts';
import { byStage } from '../policy.ts';
import type { AccessRule } from './access.ts';
import { access, accessList } from './access.ts';
import { helloCheck } from './hello-check.ts';
import { forStrangers } from './strangers.ts';
import { pointsOf, suspicion, wouldMatter } from './suspicion.ts';

const stranger = (more: Partial<ClientFacts> = {}) =>
  ({
    ...{ service: 'smtp', trusted: false, hello: 'client.test' },
    ...{ remote: { address: '192.0.2.1', port: 1 } },
    ...more,
  }) as ClientFacts;
const mailbox = (address: string) => (address === '' ? null : parseMailbox(address)!);
const named = (address: string) =>
  ({ named: mailbox(address), params: [], targets: [] }) as unknown as AcceptedRecipient;
const envelope = (client: ClientFacts, from = 'bob@x.test', findings: readonly Finding[] = []) =>
  ({
    ...{ client, sender: mailbox(from), findings, params: [] },
    recipients: [named('ann@example.org')],
  }) as unknown as Envelope;

describe('rules for strangers', () => {
  const no = { objection: reply(550, '7.1', 'No') };
  const asked: Policy = {
    name: 'no',
    connect: () => no,
    mail: () => no,
    rcpt: () => no,
    message: () => no,
  };
  const stages = (rules: readonly AccessRule[], client = stranger(), postmasterToo = false) => {
    const list = accessList(rules);
    const policy = forStrangers(asked, { access: () => list, postmasterToo });
    const one = envelope(client);
    const answers = {
      connect: policy.connect!(client),
      mail: policy.mail!(one),
      rcpt: policy.rcpt!(one, named('ann@example.org')),
      message: policy.message!(one, {} as never),
      postmaster: policy.rcpt!(one, named('Postmaster@example.org')),
    };
    return Object.entries(answers).flatMap(([stage, answer]) => (answer ? [stage] : []));
  };

  it('are for who has not logged in, is not trusted and came by smtp; RFC 2142: not for postmaster', () => {
    assert.deepEqual(stages([]), ['connect', 'mail', 'rcpt', 'message']);
    assert.deepEqual(stages([], stranger(), true).at(-1), 'postmaster');
    for (const client of [
      stranger({ trusted: true }),
      stranger({ account: 'ann@example.org' }),
      stranger({ service: 'lmtp' }),
    ])
      assert.deepEqual(stages([], client), []);
  });

  it('are asked at every stage that they have, and at none of them about others', () => {
    const stageNames = Object.keys(byStage([])) as Stage[];
    const every = {
      name: 'no',
      ...Object.fromEntries(stageNames.map((stage) => [stage, () => no])),
    };
    const list = accessList([]);
    const policy = forStrangers(every, { access: () => list, postmasterToo: false });
    const askedOf = (client: ClientFacts) => {
      const to = named('ann@example.org');
      const given: Readonly<Record<Stage, readonly unknown[]>> = {
        ...{ connect: [client], hello: [client], secure: [client], unknown: [client, 'HUH'] },
        ...{ mail: [envelope(client)], rcpt: [envelope(client), to], data: [envelope(client)] },
        refusedRcpt: [envelope(client), to.named, no.objection],
        ...{ message: [envelope(client)], filter: [envelope(client)] },
        messageFor: [envelope(client), {}, to],
      };
      return stageNames.filter(
        (stage) => (policy[stage] as (...given: unknown[]) => unknown)(...given[stage]) === no,
      );
    };
    assert.deepEqual(askedOf(stranger()), stageNames);
    assert.deepEqual(askedOf(stranger({ trusted: true })), []);
  });

  it('are not for whom the operator allows, once that is known', () => {
    const allow = (rule: Omit<AccessRule, 'action'>) => stages([{ ...rule, action: 'allow' }]);
    assert.deepEqual(allow({ client: ['192.0.2.0/24'] }), []);
    assert.deepEqual(allow({ sender: ['@x.test'] }), ['connect']);
    assert.deepEqual(allow({ recipient: ['ann@example.org'] }), ['connect', 'mail']);
    assert.deepEqual(allow({ client: ['203.0.113.1'] }).length, 4);
    assert.deepEqual(
      stages([
        { sender: ['bob@x.test'], action: 'reject' },
        { client: ['192.0.2.0/24'], action: 'allow' },
      ]),
      ['connect', 'mail', 'rcpt', 'message'],
      'the first that fits decides, and one that is not decided yet lets none after it',
    );
  });
});

describe('access', () => {
  const rules: readonly AccessRule[] = [
    { client: ['192.0.2.1'], recipient: ['list@example.org'], action: 'allow' },
    { sender: ['@spam.test', '@.spam.test'], action: 'reject', text: 'Not wanted' },
    { sender: ['<>'], recipient: ['noreply@example.org'], action: 'reject' },
    { client: ['2001:db8::/32', '198.51.100.0/24'], action: 'defer' },
  ];
  const list = accessList(rules);
  const policy = access({ list: () => list });
  const ask = (address: string, from: string, to: string, known: readonly Finding[] = []) => {
    const client = stranger({ remote: { address, port: 1 } });
    const answer = policy.rcpt!(envelope(client, from, known), named(to)) as PolicyAnswer;
    const { objection, findings = [] } = answer ?? {};
    return [
      objection === undefined ? '' : formatReply(objection).trimEnd(),
      ...findings.map(findingText),
    ].join(' | ');
  };

  it('the first rule whose conditions all fit', () => {
    const to = 'ann@example.org';
    assert.equal(ask('192.0.2.1', 'a@spam.test', 'list@example.org'), ' | access[0]: allow');
    assert.equal(ask('192.0.2.1', 'a@SPAM.test', to), '550 5.7.1 Not wanted | access[1]: reject');
    assert.match(ask('192.0.2.1', 'a@deep.spam.test', to), /^550 /);
    assert.match(ask('192.0.2.1', '', 'noreply@example.org'), /^550 5\.7\.1 Refused by a rule/);
    assert.equal(ask('192.0.2.1', '', to), '');
    assert.match(ask('198.51.100.9', 'a@b.test', to), /^450 4\.7\.1 Not now/);
    assert.match(ask('2001:db8::1', 'a@b.test', to), /^450 /);
  });

  it('an address of ours with what follows its delimiter, and a sender with a tag, are those of the rule', () => {
    const list = accessList(
      [
        { recipient: ['closed@example.org'], action: 'reject' },
        { sender: ['boss@partner.test'], action: 'reject' },
      ],
      '+',
    );
    const policy = access({ list: () => list });
    const isRefused = (from: string, to: string) =>
      (policy.rcpt!(envelope(stranger(), from), named(to)) as PolicyAnswer | undefined) !==
      undefined;
    for (const to of ['closed@example.org', 'CLOSED+x@example.org', '"closed+a+b"@example.org'])
      assert.ok(isRefused('a@b.test', to), to);
    for (const to of ['closedx@example.org', 'x+closed@example.org', '+closed@example.org'])
      assert.ok(!isRefused('a@b.test', to), to);
    for (const from of ['prvs=0417a3c9f2=Boss@partner.test', 'boss@PARTNER.test'])
      assert.ok(isRefused(from, 'ann@example.org'), from);
    for (const from of ['prvs=0417a3c9f2=chef@partner.test', 'boss+x@partner.test'])
      assert.ok(!isRefused(from, 'ann@example.org'), from);
  });

  it('is told once', () => {
    const known: Finding = { kind: 'access', action: 'reject', place: 1 };
    assert.equal(ask('192.0.2.1', 'a@spam.test', 'x@example.org', [known]), '550 5.7.1 Not wanted');
  });
});

describe('suspicion', () => {
  const points = { helloIsOurs: 4, helloIsAddress: 3, helloNotQualified: 2 };
  const hello = helloCheck({
    points: () => points,
    isOurs: (domain) => ['mx.example.org', 'example.org'].includes(domain),
  });
  const found = (name: string) =>
    ((hello.mail!(envelope(stranger({ hello: name }))) as PolicyAnswer)?.findings ?? []).map(
      findingText,
    )[0];

  for (const [name, text] of [
    ['client.test', undefined],
    ['client.test.', undefined],
    ['[192.0.2.1]', undefined],
    ['[IPv6:2001:db8::1]', undefined],
    ['192.0.2.1', '3 points: HELO with an address without brackets'],
    ['2001:db8::1', '3 points: HELO with an address without brackets'],
    ['MX.example.org', '4 points: HELO with a name of ours'],
    ['example.org', '4 points: HELO with a name of ours'],
    ['localhost', '2 points: HELO without a full name'],
  ] as const)
    it(`HELO ${name}: ${text ?? 'fine'}`, () => assert.equal(found(name), text));

  const sign = (of: number, text: string): Finding => ({
    ...{ kind: 'suspicion', points: of, policy: 'x', text },
  });
  const thresholds = { rejectAt: 10, greylistAt: 5, junkAt: 6 };
  const policy = suspicion(() => thresholds);
  const at = (stage: 'rcpt' | 'message', ...findings: readonly Finding[]) =>
    policy[stage]!(envelope(stranger(), 'bob@x.test', findings), {} as never) as
      | PolicyAnswer
      | undefined;

  it('enough points refuse, and the words say for what; what speaks for a client counts against them', () => {
    const a = sign(6, 'listed by a.test (127.0.0.2)');
    const b = sign(4, 'HELO with a name of ours');
    assert.equal(
      formatReply(at('rcpt', a, b)!.objection!).trimEnd(),
      '550 5.7.1 Refused: listed by a.test (127.0.0.2); HELO with a name of ours',
    );
    assert.equal(at('rcpt', a, b, sign(-1, 'listed by white.test')), undefined);
    assert.equal(at('rcpt', a), undefined);
    const long = at('rcpt', sign(10, 'x'.repeat(2000)))!.objection!;
    assert.ok(formatReply(long).length < 512);
  });

  it('fewer put it into Junk', () => {
    assert.equal(
      findingText(at('message', sign(6, 'x'))!.findings![0]!),
      'suspicion: 6 points, Junk',
    );
    assert.equal(at('message', sign(5, 'x')), undefined);
    assert.equal(at('message'), undefined);
  });

  it('knows whether more points would change anything', () => {
    assert.equal(wouldMatter([], 2, thresholds), false);
    assert.equal(wouldMatter([sign(3, 'x')], 2, thresholds), true);
    assert.equal(wouldMatter([sign(6, 'x')], 2, thresholds), false);
    assert.equal(wouldMatter([sign(8, 'x')], 2, thresholds), true);
    assert.equal(wouldMatter([sign(10, 'x')], 2, { ...thresholds, rejectAt: 0 }), false);
    assert.equal(pointsOf([sign(3, 'x'), sign(-1, 'y')]), 2);
  });
});
