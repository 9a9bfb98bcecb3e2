import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { fc } from '../base/test-properties.ts';
import type { Finding } from '../mail/finding.ts';
import { reply } from '../smtp/reply.ts';
import { Answers } from './answers.ts';
import type { AcceptedRecipient, Envelope } from './envelope.ts';
import type { Arrival, Policy, PolicyAnswer } from './policy.ts';
import { byStage } from './policy.ts';

const envelope = { sender: null, params: [], recipients: [] } as unknown as Envelope;
const no = (text: string) => reply(550, '7.1', text);
const note = (text: string): Finding => ({ kind: 'note', policy: 'test', text });

/** One that says how often it was settled and released. */
function reservation() {
  const told = { settled: 0, released: 0 };
  return {
    told,
    settle() {
      told.settled += 1;
    },
    release() {
      told.released += 1;
    },
  };
}

describe('policies', () => {
  it('asks one after the other, and the first objection wins', async () => {
    const asked: string[] = [];
    const policy = (name: string, text?: string): Policy => ({
      name,
      async mail() {
        asked.push(name);
        return text === undefined ? undefined : { objection: no(text) };
      },
    });
    const { mail } = byStage([policy('a'), policy('b', 'from b'), policy('c', 'from c')]);
    const answers = new Answers(silentLog);
    assert.deepEqual(await answers.ask(mail, (one) => one.mail(envelope)), no('from b'));
    assert.deepEqual(asked, ['a', 'b']);
  });

  it('has no objection when no policy has one, and waits for nobody who need not think', () => {
    const { rcpt } = byStage([{ name: 'calm', rcpt: () => undefined }]);
    const recipient = {} as AcceptedRecipient;
    const said = new Answers(silentLog).ask(rcpt, (one) => one.rcpt(envelope, recipient));
    assert.equal(said, undefined);
  });

  it('asks about one recipient after the content', async () => {
    const { messageFor } = byStage([
      {
        name: 'quota',
        messageFor: (_, __, { named }) =>
          named.local === 'ann' ? { objection: no('full') } : undefined,
      },
    ]);
    const answers = new Answers(silentLog);
    const about = (local: string) =>
      answers.ask(messageFor, (one) =>
        one.messageFor(envelope, {} as Arrival, { named: { local } } as AcceptedRecipient),
      );
    assert.deepEqual([about('ann'), about('bob')], [no('full'), undefined]);
  });

  it('leaves out the stages nobody cares about', () => {
    const policies = byStage([{ name: 'connect', connect: () => undefined }]);
    const asked = Object.entries(policies).filter(([, list]) => list.length > 0);
    assert.deepEqual(
      asked.map(([stage]) => stage),
      ['connect'],
    );
  });

  it('lets a failure through, for the 451 it becomes', async () => {
    const broken = () => Promise.reject(new Error('scanner is down'));
    const { message } = byStage([{ name: 'broken', message: broken }]);
    const answers = new Answers(silentLog);
    await assert.rejects(
      async () => answers.ask(message, (one) => one.message(envelope, {} as Arrival)),
      /scanner is down/,
    );
  });

  it('what one has found the next can read, also what was known of the client', () => {
    const seen: (readonly Finding[])[] = [];
    const policy = (text: string): Policy => ({
      name: text,
      mail({ findings }) {
        seen.push([...findings]);
        return { findings: [note(text)] };
      },
    });
    const answers = new Answers(silentLog, [note('client')]);
    const { mail } = byStage([policy('a'), policy('b')]);
    const asked = { ...envelope, findings: answers.findings };
    answers.ask(mail, (one) => one.mail(asked));
    assert.deepEqual(seen, [[note('client')], [note('client'), note('a')]]);
    assert.deepEqual(answers.findings, [note('client'), note('a'), note('b')]);
  });
});

describe('reservations', () => {
  it('are settled once when the message is queued, and not released then', () => {
    const held = reservation();
    const answers = new Answers(silentLog);
    answers.ask([held], (one) => ({ reservation: one }));
    answers.settle();
    answers.release();
    assert.deepEqual(held.told, { settled: 1, released: 0 });
  });

  it('an objection releases those of its question, not those from before', () => {
    const [before, now] = [reservation(), reservation()];
    const answers = new Answers(silentLog);
    answers.ask([before], (one) => ({ reservation: one }));
    const policies: PolicyAnswer[] = [{ reservation: now }, { objection: no('full') }];
    assert.deepEqual(
      answers.ask(policies, (one) => one),
      no('full'),
    );
    assert.deepEqual([before.told.released, now.told.released], [0, 1]);
    answers.release();
    assert.deepEqual([before.told.released, now.told.released], [1, 1]);
  });

  for (const waits of [false, true])
    it(`a failure releases those of its question${waits ? ', also later' : ''}`, async () => {
      const held = reservation();
      const answers = new Answers(silentLog);
      const policies: Policy[] = [
        {
          name: 'holds',
          mail: () => (waits ? Promise.resolve({ reservation: held }) : { reservation: held }),
        },
        { name: 'fails', mail: () => assert.fail('bug') },
      ];
      const ask = async () => answers.ask(policies, (one) => one.mail!(envelope));
      await assert.rejects(ask(), /bug/);
      assert.deepEqual(held.told, { settled: 0, released: 1 });
    });

  it('one that fails keeps neither the others nor the message from their end', () => {
    const held = reservation();
    const errors: string[] = [];
    const fail = () => {
      throw new Error('broken');
    };
    const answers = new Answers({ error: (event) => errors.push(event) });
    answers.ask([{ release: fail, settle: fail }, held], (one) => ({ reservation: one }));
    answers.settle();
    assert.deepEqual([held.told.settled, errors.length], [1, 1]);
  });

  for (const end of ['settle', 'release'] as const)
    it(`what is reserved when everything is over is released at once: ${end}`, async () => {
      const held = reservation();
      const answers = new Answers(silentLog);
      const late = Promise.withResolvers<PolicyAnswer>();
      const asked = answers.ask([late.promise], (one) => one);
      answers[end]();
      late.resolve({ reservation: held });
      await asked;
      assert.deepEqual(held.told, { settled: 0, released: 1 });
    });

  it('whatever was asked and answered, each ends once', async () => {
    const answer = fc.record({
      kind: fc.constantFrom('nothing', 'reserve', 'object', 'both', 'throw'),
      waits: fc.boolean(),
    });
    const world = fc.record({
      asks: fc.array(fc.array(answer, { maxLength: 4 }), { maxLength: 4 }),
      queued: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ asks, queued }) => {
        const all: ReturnType<typeof reservation>[] = [];
        const answers = new Answers(silentLog);
        const say = (kind: string): PolicyAnswer | undefined => {
          if (kind === 'nothing') return undefined;
          if (kind === 'throw') throw new Error('bug');
          const held = kind === 'object' ? undefined : reservation();
          if (held !== undefined) all.push(held);
          return { reservation: held, objection: kind === 'reserve' ? undefined : no('no') };
        };
        for (const policies of asks)
          await (async () =>
            answers.ask(policies, ({ kind, waits }) =>
              waits ? Promise.resolve().then(() => say(kind)) : say(kind),
            ))().catch(() => {});
        if (queued) answers.settle();
        answers.release();
        for (const { told } of all) assert.equal(told.settled + told.released, 1);
      }),
    );
  });
});
