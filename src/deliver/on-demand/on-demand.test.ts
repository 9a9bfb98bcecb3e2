import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Dialer } from '../../net/dialer.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import type { DeliveryResult } from '../../queue/delivery.ts';
import type { TlsFacts } from '../../smtp/tls-facts.ts';
import type { Content } from '../../store/content.ts';
import { ContentError, memoryContent } from '../../store/content.ts';
import type { Lease, QueueEntry } from '../../store/queue-store.ts';
import type { RouteRule } from '../route.ts';
import { createRouter } from '../route.ts';
import { OnDemand } from './on-demand.ts';

const routes: readonly RouteRule[] = [
  { domain: 'example.org', kind: 'atrn', account: 'ann@isp.example' },
  { domain: '.example.org', kind: 'atrn', account: 'ann@isp.example' },
  { domain: 'example.com', kind: 'atrn', account: 'bob@isp.example' },
];
const router = createRouter({ domains: [], routes });
const signal = new AbortController().signal;

const hi = memoryContent(Buffer.from('Subject: x\r\n\r\nHi\r\n'));

interface Changes {
  readonly content?: Content | undefined;
  readonly names?: readonly string[] | undefined;
  readonly params?: readonly string[] | undefined;
}

const lease = (
  id: string,
  destination: string,
  { content = hi, names = ['eva'], params = [] }: Changes,
): Lease =>
  ({
    message: {
      ...{ id, received: 0, sender: 'x@example.net', params, prefix: '' },
      content,
    },
    destination,
    recipients: names.map((name) => ({ address: `${name}@example.org`, params: [] })),
  }) as unknown as Lease;

/** `mail`: destinations of what is queued. */
function open(mail: readonly string[], changes: Changes = {}) {
  const clock = new FakeClock();
  const retried: string[] = [];
  const results: Promise<DeliveryResult>[] = [];
  const onDemand: OnDemand = new OnDemand({
    queue: {
      search: async () => ({
        entries: mail.map(
          (destination, i) =>
            ({
              ...{ id: `m${i}`, received: 0, params: changes.params ?? [] },
              recipients: [{ state: 'queued', destination }],
            }) as unknown as QueueEntry,
        ),
        next: null,
      }),
      async retry(ids) {
        retried.push(...(ids ?? []));
        return retried.length;
      },
    },
    // As the runner does when it is woken.
    wake() {
      for (const id of retried)
        results.push(onDemand.deliver(lease(id, mail[Number(id.slice(1))]!, changes), signal));
    },
    ...{ routes: () => routes, routeOf: (address: string) => router.route(address) },
    ...{ dialer: {} as Dialer, hostname: () => 'isp.example', steps: () => [] },
    ...{ clock, log: silentLog },
  });
  return { onDemand, clock, retried, results };
}

const kinds = async (results: readonly Promise<DeliveryResult>[]) =>
  (await Promise.all(results)).flatMap(({ recipients }) => recipients.map(({ kind }) => kind));

describe('mail that is fetched', () => {
  it('waits, without anybody being called', async () => {
    const { onDemand } = open([]);
    const { recipients, health } = await onDemand.deliver(
      lease('m', 'atrn:example.org', {}),
      signal,
    );
    assert.ok(recipients[0]?.kind === 'deferred' && health === 'ok');
    assert.equal(recipients[0].reply.code, 450);
  });

  for (const [account, domains, code] of [
    ['ann@isp.example', [], 250],
    ['ann@isp.example', ['example.org', 'EXAMPLE.org'], 250],
    // Mail is there, but for a subdomain only.
    ['ann@isp.example', ['sub.example.org'], 453],
    // RFC 2645 §5.2.1: not all of them are theirs.
    ['ann@isp.example', ['example.org', 'example.com'], 450],
    ['ann@isp.example', ['elsewhere.example'], 450],
    ['bob@isp.example', [], 453],
    ['eve@isp.example', [], 450],
  ] as const)
    it(`RFC 2645 §5.2.1: ${account} asking for ${domains.join() || 'everything'}: ${code}`, async () => {
      const { onDemand } = open(['atrn:example.org', 'mx:example.com']);
      const asked = await onDemand.ask(account, domains);
      assert.equal(asked.reply.code, code);
      assert.equal(asked.turn !== undefined, code === 250);
    });

  it('RFC 2645 §5.3: goes over the connection on which it was asked for, then QUIT', async () => {
    const { onDemand, results } = open(['atrn:example.org', 'atrn:example.org']);
    const { turn } = await onDemand.ask('ann@isp.example', []);
    assert.equal((await onDemand.ask('ann@isp.example', [])).reply.code, 450);
    const peer = new MemoryPeer();
    const over = turn!(peer);
    assert.equal(await peer.say('220 example.org ready\r\n'), 'EHLO isp.example\r\n');
    const says = '250-example.org\r\n250-CHUNKING\r\n250 PIPELINING\r\n';
    assert.match(await peer.say(says), /^MAIL FROM:<x@example\.net>\r\nRCPT [^\n]+\nDATA\r\n$/);
    assert.match(await peer.say('250 ok\r\n250 ok\r\n354 go\r\n'), /\r\nHi\r\n\.\r\n$/);
    assert.match(await peer.say('250 taken\r\n'), /^MAIL FROM/);
    await peer.say('250 ok\r\n550 5.1.1 nobody\r\n503 none\r\n');
    await peer.say('221 bye\r\n');
    await over;
    assert.deepEqual(await kinds(results), ['relayed', 'failed']);
    assert.equal((await onDemand.ask('ann@isp.example', [])).reply.code, 250);
  });

  for (const [what, tls, offered, code, sent] of [
    ['in the clear', undefined, ['PIPELINING', 'REQUIRETLS'], '450 7.10', undefined],
    ['to who does not promise the same', {} as TlsFacts, ['PIPELINING'], '550 7.30', undefined],
    ['to who does', {} as TlsFacts, ['PIPELINING', 'REQUIRETLS'], undefined, 'REQUIRETLS'],
  ] as const)
    it(`RFC 8689 §4.2.1: mail with REQUIRETLS ${what}: ${code ?? 'goes'}`, async () => {
      const { onDemand, results } = open(['atrn:example.org'], { params: ['REQUIRETLS'] });
      const { turn } = await onDemand.ask('ann@isp.example', []);
      const peer = new MemoryPeer({ ...(tls !== undefined && { tls }) });
      const over = turn!(peer);
      await peer.say('220 example.org ready\r\n');
      const lines = ['250-example.org', ...offered.slice(1).map((one) => `250-${one}`)];
      const said = await peer.say(`${lines.join('\r\n')}\r\n250 ${offered[0]}\r\n`);
      if (sent === undefined) assert.match(said, /^QUIT/);
      else {
        assert.match(said, /^MAIL FROM:<x@example\.net> REQUIRETLS\r\n/);
        await peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
        await peer.say('250 taken\r\n');
      }
      await peer.say('221 bye\r\n');
      await over;
      const [one] = (await results[0]!).recipients;
      assert.equal(one!.kind, code === undefined ? 'relayed' : code < '5' ? 'deferred' : 'failed');
      const { code: number, detail } = one!.reply!;
      if (code !== undefined) assert.equal(`${number} ${detail}`, code);
    });

  it('RFC 4865 §4.2: what is to leave later is no mail yet', async () => {
    const time = new Date(new FakeClock().now() + 60_000).toISOString();
    const { onDemand, clock } = open(['atrn:example.org'], { params: [`HOLDUNTIL=${time}`] });
    assert.equal((await onDemand.ask('ann@isp.example', [])).reply.code, 453);
    await clock.advance(60_000);
    assert.equal((await onDemand.ask('ann@isp.example', [])).reply.code, 250);
  });

  it('a message that takes long is not silence: the next one follows it', async () => {
    const { onDemand, results, clock } = open(['atrn:example.org', 'atrn:example.org']);
    const { turn } = await onDemand.ask('ann@isp.example', []);
    const peer = new MemoryPeer();
    const over = turn!(peer);
    await peer.say('220 example.org ready\r\n');
    await peer.say('250-example.org\r\n250 PIPELINING\r\n');
    await peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
    await clock.advance(60_000);
    assert.match(await peer.say('250 taken\r\n'), /^MAIL FROM/);
    await peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
    await peer.say('250 taken\r\n');
    await peer.say('221 bye\r\n');
    await over;
    assert.deepEqual(await kinds(results), ['relayed', 'relayed']);
  });

  it('content that cannot be read any more is nobody else’s trouble: who has it does not get it again', async () => {
    let reads = 0;
    const content: Content = {
      ...{ size: hi.size, bytes: undefined },
      async *read() {
        reads += 1;
        if (reads > 1) throw new ContentError('damaged', 'it is damaged');
        yield* hi.read();
      },
    };
    const { onDemand, results } = open(['atrn:example.org'], { content, names: ['eva', 'max'] });
    const { turn } = await onDemand.ask('ann@isp.example', []);
    const peer = new MemoryPeer();
    const over = turn!(peer);
    await peer.say('220 example.org ready\r\n');
    await peer.say('250-example.org\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1\r\n');
    await peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
    await peer.say('250 taken\r\n');
    await peer.say('250 ok\r\n250 ok\r\n354 go\r\n');
    await over;
    assert.deepEqual(await kinds(results), ['relayed', 'deferred']);
  });

  it('waits on when the other side goes away, or never becomes a server', async () => {
    const { onDemand, results } = open(['atrn:example.org']);
    const { turn } = await onDemand.ask('ann@isp.example', []);
    const peer = new MemoryPeer();
    const over = turn!(peer);
    await peer.say('220 example.org ready\r\n');
    await peer.say('250 example.org\r\n');
    await peer.endInput();
    await over;
    assert.deepEqual(await kinds(results), ['deferred']);
    const again = await onDemand.ask('ann@isp.example', []);
    const silent = new MemoryPeer();
    const turned = again.turn!(silent);
    await silent.say('554 no\r\n');
    await turned;
    const { recipients } = await onDemand.deliver(lease('m', 'atrn:example.org', {}), signal);
    assert.equal(recipients[0]?.kind, 'deferred');
  });
});
