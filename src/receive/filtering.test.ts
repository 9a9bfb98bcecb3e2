import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { parseMailbox } from '../mail/fields/address.ts';
import type { Range } from '../mail/header/header-cut.ts';
import { Answers } from '../policy/answers.ts';
import type { AcceptedRecipient, ClientFacts } from '../policy/envelope.ts';
import type { Arrival, Draft, FilterAnswer, Policy } from '../policy/policy.ts';
import { byStage } from '../policy/policy.ts';
import { stranger as client } from '../policy/test-arrival.ts';
import { parseStoredMailParams } from '../smtp/extensions/index.ts';
import { reply } from '../smtp/reply.ts';
import { inlineBytesMax } from '../store/content.ts';
import { MemorySpool } from '../store/files/memory-spool.ts';
import type { NewMessage } from '../store/queue-store.ts';
import { completeMessage } from './complete-message.ts';

const mailbox = (address: string) => parseMailbox(address)!;
const recipient = (address: string): AcceptedRecipient => ({
  named: mailbox(address),
  params: [],
  targets: [{ address, copy: address }],
});
const small = 'Subject: a\r\n\r\ntext\r\n';
const large = `Subject: a\r\n\r\n${'x'
  .repeat(70)
  .concat('\r\n')
  .repeat(2 * (inlineBytesMax / 72))}`;

type Filter = (draft: Draft, sender: string | undefined) => FilterAnswer | undefined;

/** The spool as it was left by what failed. */
let spool = new MemorySpool();

/** A message for ann and bob comes, and these filters see it. */
async function taken(
  filters: readonly Filter[],
  {
    content = small,
    service = 'smtp' as ClientFacts['service'],
    dropped = undefined as Range | undefined,
    by = '',
    waitedMs = 0,
  } = {},
) {
  spool = new MemorySpool();
  const writer = spool.create();
  const release = mock.method(writer, 'release');
  const clock = new FakeClock();
  await writer.write(Buffer.from(content));
  const recipients = [recipient('ann@example.net'), recipient('bob@example.net')];
  const answers = new Answers(silentLog);
  const envelope = {
    client: { ...client, service },
    ...{ sender: mailbox('eve@far.test'), recipients, findings: answers.findings },
    params: parseStoredMailParams(by === '' ? [] : [`BY=${by}`]),
    queueId: () => 'q1',
  };
  const queued: NewMessage[] = [];
  const policies: Policy[] = filters.map((filter, i) => ({
    name: `filter ${i}`,
    filter: ({ sender }, draft) => filter(draft, sender?.local),
  }));
  if (dropped !== undefined)
    policies.push({ name: 'drops', message: () => ({ head: { dropped: [dropped] } }) });
  const arrivals: Arrival[] = [];
  let settled = 0;
  void answers.ask([0], () => ({
    reservation: {
      settle: () => {
        settled += 1;
      },
      release: () => {},
    },
  }));
  const said = await completeMessage(
    { envelope, answers, recipients, extended: true, began: clock.now() - waitedMs },
    writer,
    {
      hostname: 'mx.example.net',
      policies: byStage(policies),
      addressMap: {
        resolve: async (to, { mayRelay }) =>
          to.local === 'nobody' || !mayRelay
            ? { kind: 'refuse', reply: reply(550, '1.1', 'No') }
            : { kind: 'accept', recipients: [recipient(`${to.local}@${to.domain}`).targets[0]!] },
      },
      wayOf: () => ({ delivery: 'relay', destination: 'mx:example.net' }),
      submit: async (message) => {
        queued.push(message);
      },
      ...{ spool, messageId: () => 'id1', clock, log: silentLog },
    },
    (arrival) => arrivals.push(arrival),
  );
  assert.equal(release.mock.callCount(), 1, 'what the writer had is given back');
  assert.equal(arrivals.length, 1, 'whoever looks on has seen it');
  const [message] = queued;
  const stored = message && spool.open(message.content);
  const bytes = stored && Buffer.concat(await Array.fromAsync(stored.read()));
  return {
    ...{ said, message, settled, findings: answers.findings },
    files: spool.files,
    content: bytes?.toString('latin1'),
    to: message?.recipients.map(({ address }) => address),
  };
}

const put = (draft: Draft, start: number, end: number, text: string) => ({
  splices: [{ start, end: end < 0 ? draft.arrival.header.end : end, put: Buffer.from(text) }],
});

describe('filters', () => {
  it('put fields above and below our Received', async () => {
    const { message } = await taken([() => ({ above: 'A: 1\r\n', below: 'B: 2\r\n' })]);
    assert.match(message!.prefix, /^A: 1\r\nReceived: .*;\r\n\t[^\r]*\r\nB: 2\r\n$/s);
  });

  for (const content of [small, large])
    it(`change content ${content === small ? 'in memory' : 'in a file'}, one after the other`, async () => {
      const body = content.slice(14);
      const made = await taken(
        [
          (draft) => put(draft, 0, 12, 'Subject: b\r\nX: 1\r\n'),
          (draft) => {
            assert.match(draft.arrival.header.end.toString(), /^20$/);
            assert.equal(
              Buffer.from(draft.arrival.head).toString().slice(0, 20),
              'Subject: b\r\nX: 1\r\n\r\n',
            );
            return put(draft, 20, 24, 'new');
          },
        ],
        { content },
      );
      assert.equal(made.content, `Subject: b\r\nX: 1\r\n\r\nnew${body.slice(4)}`);
      assert.equal(made.files, content === small ? 0 : 1, 'nothing else is left');
      assert.equal(made.message!.content.kind, content === small ? 'inline' : 'file');
    });

  it('what grows too large for memory becomes a file', async () => {
    const { message, content } = await taken([(draft) => put(draft, 14, 14, large)]);
    assert.equal(message!.content.kind, 'file');
    assert.equal(content, `Subject: a\r\n\r\n${large}text\r\n`);
  });

  it('what fills a row stays in it', async () => {
    const room = large.slice(0, inlineBytesMax - small.length);
    const { message, files } = await taken([(draft) => put(draft, 14, 14, room)]);
    assert.deepEqual([message!.content.kind, files], ['inline', 0]);
  });

  it('change the sender, and the next one sees it', async () => {
    let seen: string | undefined;
    const params = parseStoredMailParams(['RET=HDRS']);
    const { message } = await taken([
      () => ({ sender: { sender: mailbox('carl@far.test'), params } }),
      (_, sender) => {
        seen = sender;
        return undefined;
      },
    ]);
    assert.deepEqual([message!.sender, message!.params], ['carl@far.test', ['RET=HDRS']]);
    assert.equal(seen, 'carl');
  });

  it('add recipients and take them out; whom the address map refuses is left out', async () => {
    const { to } = await taken([
      () => ({
        recipients: [
          { kind: 'add', mailbox: mailbox('carl@far.test'), params: [] },
          { kind: 'add', mailbox: mailbox('nobody@far.test'), params: [] },
          { kind: 'remove', mailbox: mailbox('ann@example.net') },
        ],
      }),
      () => ({ recipients: [{ kind: 'add', mailbox: mailbox('dora@far.test'), params: [] }] }),
      () => ({ recipients: [{ kind: 'remove', mailbox: mailbox('carl@far.test') }] }),
    ]);
    assert.deepEqual(to, ['bob@example.net', 'dora@far.test']);
    const add = { kind: 'add', mailbox: mailbox('carl@far.test'), params: [] } as const;
    assert.equal((await taken([() => ({ recipients: [add] })])).to?.length, 3);
  });

  const all = ['ann', 'bob'].map((name) => ({
    kind: 'remove' as const,
    mailbox: mailbox(`${name}@example.net`),
  }));
  for (const [why, answer] of [
    ['discarded', { discarded: true }],
    ['for nobody any more', { recipients: all }],
  ] as const)
    it(`what is ${why} is taken, and the queue throws it away`, async () => {
      const later: string[] = [];
      const { said, message, settled } = await taken([
        () => answer,
        () => {
          later.push(why);
          return undefined;
        },
      ]);
      assert.equal('code' in said && said.code, 250);
      assert.deepEqual(
        message!.recipients.map(({ address, delivery }) => [address, delivery]),
        [
          ['ann@example.net', 'discard'],
          ['bob@example.net', 'discard'],
        ],
      );
      assert.equal(settled, 1);
      assert.equal(later.length, why === 'discarded' ? 0 : 1, 'others need not see it');
    });

  it('what one of them holds is held', async () => {
    const hold: Filter = () => ({ held: true });
    assert.equal((await taken([hold, () => undefined])).message!.held, true);
    const nowhere = await taken([hold, () => ({ discarded: true })]);
    assert.notEqual(nowhere.message!.held, true, 'what goes nowhere need not wait');
  });

  it('LMTP: each recipient has a reply, also one that was taken out', async () => {
    const { said, to } = await taken(
      [
        () => ({
          recipients: [all[0]!, { kind: 'add', mailbox: mailbox('carl@far.test'), params: [] }],
        }),
      ],
      { service: 'lmtp' },
    );
    assert.deepEqual('each' in said && said.each.map(({ code }) => code), [250, 250]);
    assert.deepEqual(to, ['bob@example.net', 'carl@far.test']);
    const none = await taken([() => ({ recipients: all })], { service: 'lmtp' });
    assert.deepEqual('each' in none.said && none.said.each.map(({ code }) => code), [250, 250]);
  });

  it('a refusal leaves nothing, whatever was changed before it', async () => {
    for (const [content, text, dropped] of [
      [small, 'X: 1\r\n'],
      [small, large],
      [large, 'X: 1\r\n'],
      [large, '', { start: 0, end: 12 }],
    ] as const) {
      const { said, files, message, findings } = await taken(
        [
          (draft) => (text === '' ? undefined : put(draft, 0, 0, text)),
          () => ({
            objection: reply(550, '7.1', 'No'),
            findings: [{ kind: 'note', policy: 'p', text: 't' }],
          }),
        ],
        { content, dropped },
      );
      assert.equal('code' in said && said.code, 550);
      assert.deepEqual([files, message, findings.length], [0, undefined, 1]);
    }
  });

  it('a filter that fails leaves nothing, and the client comes again', async () => {
    const fails = () => {
      throw new Error('bug');
    };
    await assert.rejects(
      taken([(draft) => put(draft, 0, 0, 'X: 1\r\n'), fails], { content: large }),
    );
    assert.equal(spool.files, 0);
  });
});

describe('before filters', () => {
  it('what a policy drops is gone, and not there for them', async () => {
    for (const text of [small, large])
      for (const filters of [[], [() => undefined]] as const) {
        const content = `X: 1\r\n${text}`;
        const dropped = { start: 0, end: 6 };
        const made = await taken(filters, { content, dropped });
        assert.equal(made.content, text);
        assert.equal(made.files, text === small ? 0 : 1);
        assert.equal(made.message?.held ?? false, false);
      }
  });

  it('RFC 2852 §3: what cannot be delivered in time any more is not taken, if it would come back', async () => {
    for (const [by, waitedMs, code] of [
      ['60;R', 59_000, 250],
      ['60;R', 60_000, 554],
      ['60;N', 90_000, 250],
      ['', 90_000, 250],
    ] as const) {
      const { said } = await taken([], { by, waitedMs });
      assert.equal('code' in said && said.code, code, `${by} after ${waitedMs}`);
    }
  });
});
