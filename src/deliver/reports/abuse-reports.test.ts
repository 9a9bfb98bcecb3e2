import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { findReport } from '../../report/find-report.ts';
import type { Complaint } from './abuse-reports.ts';
import { AbuseReports } from './abuse-reports.ts';
import type { OutgoingReport } from './report-queue.ts';

const message = Buffer.from(
  [
    'Authentication-Results: mx.example.org; dkim=pass header.d=sender.example',
    'From: A <a@sender.example>',
    'Subject: =?utf-8?q?caf=C3=A9?=',
    'Message-ID: <1@sender.example>',
    '',
    'caf\u00e9 \u{1f4a9}',
    '',
  ].join('\r\n'),
);
const complaint: Complaint = {
  ...{ message, isWhole: true, recipient: 'ann@example.org', type: 'abuse', to: undefined },
};

function reporting() {
  const clock = new FakeClock();
  const queued: OutgoingReport[] = [];
  const reports = new AbuseReports({
    ...{ clock, log: silentLog, ids: () => `id${queued.length}` },
    reporter: () => ({
      ...{ hostname: 'mx.example.org', from: 'postmaster@mx.example.org', organization: 'Us' },
    }),
    queue: async (report) => !report.to.endsWith('@nowhere.example') && queued.push(report) > 0,
  });
  return { reports, queued, clock };
}

describe('abuse reports (RFC 5965)', () => {
  it('§2: go to whoever signed, with the message as it is, and are read as they are meant', async () => {
    const { reports, queued } = reporting();
    const sent = await reports.send(complaint);
    assert.deepEqual(sent, {
      ...{ kind: 'sent', to: 'abuse@sender.example', domain: 'sender.example' },
      messageId: 'id0@mx.example.org',
    });
    const { bytes } = queued[0]!;
    assert.ok(Buffer.from(bytes).includes(message));
    const text = Buffer.from(bytes).toString();
    assert.match(text, /^Subject: FW: =\?utf-8\?Q\?caf=C3=A9\?=\r$/im);
    assert.equal(text.match(/^Content-Transfer-Encoding: 8bit\r$/gm)?.length, 2);
    const found = await findReport(bytes, async () => {});
    assert.ok(found?.kind === 'abuse');
    assert.deepEqual(found.report.domains, ['sender.example']);
    assert.equal(found.report.message.id, '<1@sender.example>');
  });

  it('§2 (d): the header alone, if that is wished or the message cannot be a part', async () => {
    const { reports, queued } = reporting();
    await reports.send({ ...complaint, isWhole: false });
    await reports.send({ ...complaint, message: Buffer.concat([message, Buffer.from('\0\r\n')]) });
    for (const { bytes } of queued) {
      assert.match(String(bytes), /^Content-Type: text\/rfc822-headers\r$/m);
      assert.doesNotMatch(String(bytes), /\u{1f4a9}/u);
    }
    assert.equal(queued.length, 2);
  });

  it('where nobody is proven to have sent it, somebody has to be named', async () => {
    const { reports, queued } = reporting();
    const unproven = { ...complaint, message: Buffer.from('Subject: x\r\n\r\nx\r\n') };
    const refused = async (to?: string) => {
      const sent = await reports.send({ ...unproven, to });
      return sent.kind === 'refused' ? sent.problem : sent.to;
    };
    assert.match(await refused(), /^neither DKIM nor SPF says who sent this message/);
    assert.match(await refused('nobody'), /^nobody is no mail address/);
    assert.match(await refused('abuse@nowhere.example'), /goes nowhere here/);
    assert.equal(await refused('cert@country.example'), 'cert@country.example');
    assert.equal(queued.length, 1);
  });

  it('are few for one domain in an hour, however its name is written', async () => {
    const { reports, queued, clock } = reporting();
    for (let i = 0; i < 20; i += 1)
      assert.equal((await reports.send({ ...complaint, to: 'a@Sender.Example' })).kind, 'sent');
    const more = await reports.send(complaint);
    assert.ok(more.kind === 'refused');
    assert.match(more.problem, /^20 reports an hour to one domain .* the next one may go at /);
    assert.equal((await reports.send({ ...complaint, to: 'a@else.example' })).kind, 'sent');
    clock.advance(3_600_000 / 20);
    assert.equal((await reports.send(complaint)).kind, 'sent');
    assert.equal(queued.length, 22);
  });
});
