import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import type { Mailbox } from '../../mail/fields/address.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import { scanHeader } from '../../mail/header/header.ts';
import { formatReply } from '../../smtp/reply.ts';
import { memoryContent } from '../../store/content.ts';
import { MemoryAccountStore } from '../accounts/memory-account-store.ts';
import { createAddressMap } from '../addresses/address-map.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from '../envelope.ts';
import type { Arrival } from '../policy.ts';
import { qualifiedDomain } from './qualified-domain.ts';
import { senderOwner } from './sender-owner.ts';

const accounts = new MemoryAccountStore();
await accounts.add('ann@example.org', undefined, 0);
await accounts.addAddress('ann@example.org', 'ann.smith@xn--bcher-kva.example');
await accounts.add('bob@example.org', undefined, 0);
await accounts.add('moved@example.org', undefined, 0);
const addressMap = createAddressMap({
  accounts,
  domains: ['example.org', 'bücher.example', 'all.example'],
  relayDomains: ['relay.example'],
  aliases: new Map([
    ['sales@example.org', ['ann@example.org', 'x@elsewhere.example']],
    ['team@example.org', ['sales@example.org']],
    ['moved@example.org', ['bob@example.org']],
    ['@all.example', ['ann@example.org']],
  ]),
  recipientDelimiter: '+',
  log: silentLog,
});
const parts = { accounts, addressMap: () => addressMap };
const rule = senderOwner({ ...parts, judgesAuthors: () => true });
const asks = (account: string | undefined, sender: Mailbox | null) =>
  rule.mail!({ client: { account }, sender } as Envelope);

describe('sender owner', () => {
  for (const [account, sender, isTheirs] of [
    ['ann@example.org', 'ann@example.org', true],
    ['ann@example.org', 'ANN@Example.ORG', true],
    ['ann@example.org', 'ann.smith@bücher.example', true],
    ['ann@example.org', 'ann+lists@example.org', true],
    ['ann@example.org', 'sales@example.org', true],
    ['ann@example.org', 'team@example.org', true],
    ['ann@example.org', 'anything@all.example', true],
    ['moved@example.org', 'moved@example.org', true],
    ['bob@example.org', 'moved@example.org', true],
    ['bob@example.org', 'sales@example.org', false],
    ['bob@example.org', 'bob+ann@example.org', true],
    ['bob@example.org', 'ann@example.org', false],
    ['bob@example.org', 'ann+bob@example.org', false],
    ['bob@example.org', 'x@elsewhere.example', false],
    ['bob@example.org', 'bob@relay.example', false],
    ['bob@example.org', 'nobody@example.org', false],
  ] as const)
    it(`RFC 6409 §6.1: ${account} ${isTheirs ? 'may' : 'may not'} send as ${sender}`, async () => {
      const refusal = (await asks(account, parseMailbox(sender)!))?.objection;
      const expected = '553 5.7.1 This sender address does not belong to your account\r\n';
      assert.equal(refusal && formatReply(refusal), isTheirs ? undefined : expected);
    });

  const arrivalOf = (text: string) => {
    const head = Buffer.from(text);
    const open = () => memoryContent(head);
    return { head, header: scanHeader(head, true), open } as unknown as Arrival;
  };
  const fromLine = async (account: string | undefined, from: string, asked = rule) => {
    const arrival = arrivalOf(`From: ${from}\r\n\r\n`);
    const envelope = { client: { account } } as Envelope;
    return (await asked.message!(envelope, arrival))?.objection?.lines[0];
  };

  it('RFC 6409 §8.1: nobody writes in the name of somebody else here', async () => {
    const refused = 'From names an address here that does not belong to your account';
    const once = 'There must be one From field, not several';
    const many = Array.from({ length: 21 }, (_, i) => `bob+${i}@example.org`).join(', ');
    for (const [account, from, expected] of [
      ['ann@example.org', 'Ann <Ann+x@Example.ORG>, Sales <sales@example.org>', undefined],
      ['bob@example.org', 'Ann <ann@example.org>', refused],
      ['bob@example.org', 'bob@example.org, "x" <ann.smith@bücher.example>', refused],
      ['bob@example.org', 'bob@example.org\r\nFrom: ann@example.org', once],
      ['bob@example.org', 'bob@elsewhere.example\r\nFrom: bob@elsewhere.example', once],
      ['bob@example.org', 'bob@example.org\r\n--x\r\nFrom: ann@example.org', once],
      ['bob@example.org', 'bob@example.org <ann@example.org>', refused],
      ['bob@example.org', 'Bob <bob@example.org> <ann@example.org>', refused],
      ['bob@example.org', 'bob@example.org ann@example.org', refused],
      ['bob@example.org', 'bob@example.org <bob@example.org>', undefined],
      ['bob@example.org', 'nobody@example.org', refused],
      ['bob@example.org', 'Bob <bob@elsewhere.example>', undefined],
      ['bob@example.org', many, 'From names too many addresses'],
      [
        'bob@example.org',
        `${'bob@elsewhere.example, '.repeat(10_000)}ann@example.org`,
        'From names too many addresses',
      ],
      [undefined, 'ann@example.org', undefined],
    ] as const)
      assert.equal(await fromLine(account, from), expected, from);
    const off = senderOwner({ ...parts, judgesAuthors: () => false });
    assert.equal(await fromLine('bob@example.org', 'ann@example.org', off), undefined);
    assert.equal(await fromLine('bob@example.org', 'x@a.example\r\nFrom: b@a.example', off), once);
  });

  it('RFC 6409 §4.2, §5.1: an author has an address with a domain, or is an empty group', async () => {
    const refused = 'From must have an address with a domain: name@example.org';
    for (const [from, expected] of [
      ['', refused],
      ['<>', refused],
      ['<<>>', refused],
      ['bob', refused],
      ['"Bob"', refused],
      ['Bob <bob>', refused],
      ['bob@elsewhere.example, junk', refused],
      ['=?utf-8?q?bob=40example.org?=', refused],
      ['Robots: bob;', refused],
      ['Robots:;', undefined],
      ['Robots: bob@example.org;', undefined],
      ['Bob (of ours) <@a.example:bob@example.org>', undefined],
    ] as const) {
      assert.equal(await fromLine('bob@example.org', from), expected, from);
      assert.equal(await fromLine(undefined, from), undefined, from);
    }
    const arrival = arrivalOf('Subject: x\r\n\r\n');
    const envelope = { client: { account: 'bob@example.org' } } as Envelope;
    assert.equal(await rule.message!(envelope, arrival), undefined, 'it is added');
  });

  it('everybody may send what must not be answered', async () => {
    assert.equal(await asks('bob@example.org', null), undefined);
  });

  it('who has not logged in is not asked whose address it is', async () => {
    assert.equal(await asks(undefined, parseMailbox('ann@example.org')!), undefined);
  });

  it('an alias is a finding, an own address is none', async () => {
    assert.deepEqual(await asks('ann@example.org', parseMailbox('team@example.org')!), {
      findings: [{ kind: 'sender-alias', account: 'ann@example.org' }],
    });
    for (const own of ['ann@example.org', 'ann+lists@example.org'])
      assert.equal(await asks('ann@example.org', parseMailbox(own)!), undefined, own);
  });
});

describe('qualified domains', () => {
  const policy = qualifiedDomain({ isOurs: (domain) => domain === 'localhost' });
  const client = (service: ClientFacts['service'], account?: string) =>
    ({ service, account }) as ClientFacts;
  const ask = (who: ClientFacts, mailbox: Mailbox) =>
    [
      policy.mail!({ client: who, sender: mailbox } as Envelope),
      policy.rcpt!({ client: who } as Envelope, { named: mailbox } as AcceptedRecipient),
    ] as const;

  for (const [domain, isWhole] of [
    ['example.org', true],
    ['localhost', true],
    ['[192.0.2.1]', true],
    ['', true],
    ['sales', false],
    ['org.', false],
  ] as const)
    it(`RFC 6409 §4.2: ${domain} is ${isWhole ? '' : 'not '}whole`, async () => {
      const [mail, rcpt] = ask(client('submission'), { local: 'ann', domain });
      assert.equal((await mail)?.objection?.code, isWhole ? undefined : 554);
      assert.equal((await rcpt)?.objection?.code, isWhole ? undefined : 554);
      const relayed = ask(client('smtp'), { local: 'ann', domain });
      assert.deepEqual(await Promise.all(relayed), [undefined, undefined]);
    });
});
