// Reports between real programs: BIND and Unbound have the DNS, one Postrider judges mail and calls hosts, and tells
// another what came in its name and how TLS went, a downgrade included. The one that reports has a clock of
// its own, in which a day goes by at once; the other is a process, asked by its command line.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { RunningServer } from '../../src/compose/running-server.ts';
import { startServer } from '../../src/compose/server.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { issueCertificate } from '../../src/net/certificate.ts';
import { openStores } from '../../src/store/open-stores.ts';
import { createKeys, keyDirectory, recordOf } from '../../src/trust/dkim-keys.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import { connectClient, submit } from '../scenarios/wire.ts';
import type { DnsLab, LabZone } from './dns-lab.ts';
import { startDnsLab, withoutDnsLab } from './dns-lab.ts';

const needsRoot = 'SKIPPED: port 25 needs root';
const skip = process.getuid?.() === 0 ? withoutDnsLab() : needsRoot;

const hour = 3_600_000;
/** Where the one that is reported to listens; whose client at the other is trusted. */
const [theirs, friend] = ['127.0.24.2', '127.0.24.9'];

const { certificate, privateKeyPem } = issueCertificate({
  ...{ commonName: 'mx.far.test', names: ['mx.far.test'] },
  ...{ notBefore: new Date(Date.now() - 24 * hour), notAfter: new Date(Date.now() + 24 * hour) },
});
const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
const right = `3 1 1 ${createHash('sha256').update(spki).digest('hex')}`;
const wrong = `3 1 1 ${'5a'.repeat(32)}`;

/** Wants reports of TLS. */
const far = (tlsa: string): LabZone => ({
  name: 'far.test',
  records: `@ IN MX 10 mx\nmx IN A ${theirs}\n_25._tcp.mx IN TLSA ${tlsa}
_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tlsrpt@far.test"\n`,
});

/** Wants reports of what comes in its name, and has them sent to strangers, too. */
const forged: LabZone = {
  name: 'forged.test',
  records: `@ IN MX 10 mx\n@ IN TXT "v=spf1 -all"\nmx IN A ${theirs}
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@forged.test,mailto:dmarc@stranger.test,mailto:dmarc@willing.test"\n`,
};
const stranger: LabZone = { name: 'stranger.test', records: `@ IN MX 10 mx\nmx IN A ${theirs}\n` };
const willing: LabZone = {
  name: 'willing.test',
  records: `${stranger.records}forged.test._report._dmarc IN TXT "v=DMARC1"\n`,
};

/** Goes as time does, and leaps when it is told to: what is due by then is done at once. */
class LeapingClock implements Clock {
  readonly #clock = systemClock();
  readonly #timers = new Map<() => void, number>();
  #aheadMs: number;

  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs;
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const done = () => {
      stop();
      callback();
    };
    const cancel = this.#clock.after(delayMs, done);
    const stop = () => {
      this.#timers.delete(done);
      cancel();
    };
    this.#timers.set(done, this.now() + delayMs);
    return stop;
  }

  leap(byMs: number): void {
    this.#aheadMs += byMs;
    for (const [done, at] of [...this.#timers]) if (at <= this.now()) done();
  }
}

describe('interop: reports', { skip }, () => {
  const home = skip === false ? mkdtempSync(join(tmpdir(), 'postrider-reports-')) : '';
  const open: AsyncDisposable[] = [];
  // A day and more behind the others, who see it arrive in their time.
  const clock = new LeapingClock(-31 * hour);
  let lab: DnsLab;
  let reporter: RunningServer;
  let receiver: RunningProcess;

  before(async () => {
    const directory = keyDirectory(home);
    const keys = createKeys(directory, {
      ...{ domain: 'near.test', state: 'active', now: new Date(clock.now()) },
    });
    const records = keys.map((key) => recordOf(directory, key));
    const strings = (text: string) => (text.match(/.{1,255}/g) ?? []).map((one) => `"${one}"`);
    const near: LabZone = {
      name: 'near.test',
      records: records
        .map(({ name, value }) => `${name}. IN TXT ${strings(value).join(' ')}\n`)
        .join('_dmarc IN TXT "v=DMARC1; p=reject"\n'),
    };
    lab = await startDnsLab({ zones: [near, far(right), forged, stranger, willing] });
    open.push(lab);
    const pem = (name: string, text: string) => {
      const path = join(home, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    receiver = await startProcess({
      ...{ hostname: 'mx.far.test', dns: { servers: [lab.server] } },
      domains: ['far.test', 'forged.test', 'stranger.test', 'willing.test'],
      listeners: [{ service: 'smtp', host: theirs, port: 25 }],
      tls: { certificate: pem('far.pem', certificate), privateKey: pem('far.key', privateKeyPem) },
      aliases: Object.fromEntries(
        ['bob@far', 'tlsrpt@far', 'dmarc@forged', 'dmarc@stranger', 'dmarc@willing'].map((name) => [
          `${name}.test`,
          ['post@far.test'],
        ]),
      ),
    });
    open.push(receiver);
    await receiver.commandWithInput(
      'secret\n',
      'account',
      'add',
      'post@far.test',
      '--password-stdin',
    );
    reporter = await startServer({
      ...{ clock, log: silentLog, relayIn: 'same-thread' },
      stores: await openStores({ directory: ':memory:', log: silentLog, clock }),
      config: parseConfig({
        ...{ hostname: 'mx.near.test', domains: ['near.test'], dataDirectory: home },
        ...{ trustedNetworks: [`${friend}/32`], dns: { servers: [lab.server] } },
        listeners: [{ service: 'smtp', host: '127.0.0.1', port: 0 }],
        aliases: { '@near.test': ['bob@far.test'] },
        reports: { from: 'postmaster@near.test' },
      }),
    });
  });

  after(async () => {
    await reporter?.stop({ graceMs: 0 });
    for (const one of open.reverse()) await one[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });

  async function send(from: string, to: string, clientAddress: string): Promise<string> {
    const { port } = reporter.listeners[0]!;
    const socket = connect({ port, host: '127.0.0.1', localAddress: clientAddress });
    const client = await connectClient(port, socket);
    await client.say('EHLO client.test\r\n');
    const content = `From: <${from}>\r\nSubject: x\r\n\r\nx\r\n`;
    const said = await submit(client, { from, to: [to], content }).finally(() => client.close());
    return said.split(' ').at(-1)!;
  }

  const why = (id: string, outcome: RegExp) =>
    eventually(async () => {
      const { text } = await reporter.operations.why({ id });
      return outcome.test(text) ? text : undefined;
    }, `${outcome} of ${id}`);

  const told = (kind: 'dmarc' | 'tls') =>
    eventually(async () => {
      const said = await receiver.command('report', kind);
      return /mx\.near\.test/.test(said) ? said : undefined;
    }, `a report at the receiver\n${receiver.log()}`);

  it('what is to be told happens: mail goes, a forgery and a downgrade are refused', async () => {
    await why(await send('ann@near.test', 'bob@far.test', friend), /relayed/);
    await assert.rejects(
      send('boss@forged.test', 'ann@near.test', '127.0.0.1'),
      /Refused by the DMARC policy of forged\.test/,
    );
    await lab.publish(far(wrong));
    // What was known and decided is forgotten.
    clock.leap(10 * 60_000);
    await why(await send('ann@near.test', 'bob@far.test', friend), /no TLSA record matches/);
  });

  it('RFC 9990: the domain hears what came in its name, and strangers only if they say so', async () => {
    clock.leap(30 * hour);
    const said = await told('dmarc');
    assert.match(said, /forged\.test/);
    assert.match(said, /127\.0\.0\.1/);
    assert.doesNotMatch(said, /not proven/);
    // The one at home and the one that is willing.
    const copies = await eventually(async () => {
      const list = await receiver.command('mail', 'list', 'post@far.test');
      const found = list.match(/Report Domain: forged\.test/g) ?? [];
      return found.length >= 2 ? found : undefined;
    }, 'the report at both addresses');
    assert.equal(copies.length, 2);
    assert.doesNotMatch(receiver.log(), /stranger\.test/);
  });

  it('RFC 8460: the domain hears of the downgrade, although its own TLSA record is still wrong', async () => {
    const said = await told('tls');
    assert.match(said, /far\.test/);
    assert.match(said, /1 good session, 1 failed; policy tlsa/);
    assert.match(said, /certificate-not-trusted +1 +mx\.far\.test +TLSA_MISMATCH/);
    assert.doesNotMatch(said, /not proven/);
  });
});
