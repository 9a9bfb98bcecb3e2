import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { parseMailbox } from '../mail/fields/address.ts';
import { Answers } from '../policy/answers.ts';
import type { AcceptedRecipient, ClientFacts } from '../policy/envelope.ts';
import { arrivalOf } from '../policy/test-arrival.ts';
import { parseStoredMailParams } from '../smtp/extensions/index.ts';
import type { RoomAsked } from '../store/queue-store.ts';
import { takeMessage } from './take-message.ts';
import { takingOf } from './taking.ts';

const bytes = Buffer.from('Message-ID: <m@c.test>\r\n\r\nHi\r\n');
const arrival = arrivalOf(bytes);

/** A message of ann's comes for them, each of whom has a mailbox here. */
async function take(
  names: readonly string[],
  { params = [] as readonly string[], quotaBytes = 1e6, full = [] as readonly number[] } = {},
) {
  const recipients = names.map((name): AcceptedRecipient => {
    const address = `${name}@a.test`;
    return {
      ...{ named: parseMailbox(address)!, params: [] },
      targets: [{ address, copy: address, account: address }],
    };
  });
  const answers = new Answers(silentLog);
  const client = {
    ...{
      session: 's1',
      service: 'smtp' as const,
      hello: 'c.test',
      tls: undefined,
      account: undefined,
    },
    remote: { address: '192.0.2.1', port: 40_000 },
    local: { address: '192.0.2.2', port: 25 },
    trusted: false,
  } satisfies ClientFacts;
  const envelope = {
    ...{ client, sender: parseMailbox('ann@c.test')!, recipients, findings: answers.findings },
    params: parseStoredMailParams([...params]),
    queueId: () => 'id1',
  };
  const logged: {
    readonly event: string;
    readonly recipients?: unknown;
    readonly asked?: string | undefined;
  }[] = [];
  const tracked: string[] = [];
  let asked: RoomAsked | undefined;
  const taking = takingOf({ envelope, answers, extended: true, began: 0, recipients }, arrival, {
    ...{ id: 'id1', now: 0, hostname: 'mx.a.test' },
  });
  const said = await takeMessage(taking, {
    hostname: 'mx.a.test',
    wayOf: () => ({ delivery: 'local', destination: 'local' }),
    policies: { messageFor: [] },
    quota: () => ({ bytes: quotaBytes, messages: 5 }),
    spool: { remove: () => assert.fail('there is no file') },
    submit: async (_message, _client, room) => {
      asked = room;
      return full;
    },
    tracked: async ({ id }) => void tracked.push(id),
    clock: { now: () => 0 },
    log: { ...silentLog, info: (event, fields) => logged.push({ event, ...fields }) },
  });
  return { code: 'code' in said && said.code, logged, tracked, bytes: asked!.needs[0]!.bytes };
}

describe('a message that is taken', () => {
  it('is told of in the log: for how many, and what its sender asked for, where there is more to say', async () => {
    const plain = {
      ...{ event: 'received', id: 'id1', from: 'ann@c.test', to: 'bob@a.test' },
      ...{ bytes: bytes.length, messageId: '<m@c.test>' },
    };
    assert.deepEqual((await take(['bob'])).logged, [plain]);
    const [more] = (await take(['bob', 'eve'], { params: ['BY=120;R'] })).logged;
    assert.equal(more?.recipients, 2);
    assert.match(more?.asked ?? '', /by 1970-01-01T00:02/);
    assert.deepEqual((await take(['bob'], { full: [0] })).logged, [], 'it was not taken');
  });

  it('RFC 3885 §3: is kept track of where its sender will ask for it', async () => {
    assert.deepEqual((await take(['bob'])).tracked, []);
    assert.deepEqual((await take(['bob'], { params: [`MTRK=${'A'.repeat(27)}`] })).tracked, [
      'id1',
    ]);
  });

  it('RFC 5321 §4.2.3: 452 where it would fill the mailbox to the octet, 552 where it is larger', async () => {
    const needed = (await take(['bob'])).bytes;
    assert.equal((await take(['bob'], { quotaBytes: needed, full: [0] })).code, 452);
    assert.equal((await take(['bob'], { quotaBytes: needed - 1, full: [0] })).code, 552);
  });
});
