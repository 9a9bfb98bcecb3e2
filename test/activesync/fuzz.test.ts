// Documents that make no sense, to every command: each is answered, with a status of its own or as malformed, and the phone
// goes on afterwards.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commandNames } from '../../src/activesync/versions.ts';
import type { TagName } from '../../src/activesync/wbxml/code-pages.ts';
import { allTags } from '../../src/activesync/wbxml/code-pages.ts';
import { decodeWbxml } from '../../src/activesync/wbxml/decoder.ts';
import type { Element } from '../../src/activesync/wbxml/element.ts';
import { element } from '../../src/activesync/wbxml/element.ts';
import { encodeWbxml } from '../../src/activesync/wbxml/encoder.ts';
import { fc } from '../../src/base/test-properties.ts';
import { Phone } from './phone.ts';
import { ann, headersOf, password, start, urlOf } from './world.ts';

/** Pages of a command beside its own. */
const everywhere = /^(?:AirSync|AirSyncBase|Email|Email2):/;
/** Whoever asks to wait waits. */
const waits = /:(?:Wait|HeartbeatInterval)$/;

function documentsOf(command: string, ids: readonly string[]): fc.Arbitrary<Element> {
  const own = allTags.filter((tag) => tag.endsWith(`:${command}`))[0] ?? 'AirSync:Sync';
  const page = own.slice(0, own.indexOf(':') + 1);
  const tags = allTags.filter((tag) => !waits.test(tag));
  const mine = tags.filter((tag) => tag.startsWith(page));
  const others = tags.filter((tag) => everywhere.test(tag));
  const { inner } = fc.letrec<{ inner: Element }>((tie) => ({
    inner: fc.record(
      {
        tag: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom<TagName[]>(...mine) },
          fc.constantFrom<TagName[]>(...others),
        ),
        content: fc.oneof(
          { maxDepth: 6, depthSize: 'medium' },
          fc.constantFrom(...ids, '0', '-1', '9999', 'T', '2026-13-45T99:00:00Z', '*', '', 'a@b'),
          fc.string({ maxLength: 200 }),
          fc.uint8Array({ maxLength: 100 }).map((octets) => Buffer.from(octets)),
          fc.array(tie('inner'), { maxLength: 6 }),
        ),
      },
      { noNullPrototype: true },
    ),
  }));
  return fc.array(inner, { maxLength: 6 }).map((content) => element(own, content));
}

it('every command answers every document', async () => {
  await using server = await start();
  const url = urlOf(server);
  await server.send({ from: 'eve@far.test', to: ann, message: 'Subject: x\r\n\r\nText.\r\n' });
  await server.waitFor(({ subject }) => subject === 'x');
  for (const command of commandNames) {
    const phone = new Phone({ url, user: ann, password, version: '16.1', id: `fuzz${command}` });
    await phone.setUp();
    const inbox = phone.folder('2');
    await phone.sync(inbox);
    const ids = [inbox, phone.folder('3'), ...phone.in(inbox).keys(), phone.keys.get(inbox)!];
    await fc.assert(
      fc.asyncProperty(documentsOf(command, ids), async (root) => {
        const reply = await fetch(
          `${url}/Microsoft-Server-ActiveSync?Cmd=${command}&DeviceId=${phone.options.id}&DeviceType=T`,
          {
            method: 'POST',
            headers: headersOf(phone),
            body: encodeWbxml(root),
          },
        );
        const octets = Buffer.from(await reply.arrayBuffer());
        assert.ok([200, 400, 404, 449, 501].includes(reply.status), `${command} ${reply.status}`);
        const isDocument = reply.headers.get('content-type') === 'application/vnd.ms-sync.wbxml';
        if (isDocument) assert.equal(decodeWbxml(octets).kind, 'document');
      }),
      { numRuns: 20 },
    );
  }
  const phone = new Phone({ url, user: ann, password, version: '16.1', id: 'after' });
  await phone.setUp();
  await phone.sync(phone.folder('2'));
});
