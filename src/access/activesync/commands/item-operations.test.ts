import assert from 'node:assert/strict';
import { it } from 'node:test';
import { childrenOf, childText, element } from '../../../activesync/wbxml/element.ts';
import { messageFacts } from '../../../mail/digest/message-facts.ts';
import type { Context } from '../context.ts';
import { answerBytesMax } from '../items.ts';
import { itemOperations } from './item-operations.ts';

const messageWith = (file: string): Buffer =>
  Buffer.from(
    `Content-Type: application/x-file; name=f\r\nContent-Disposition: attachment\r\n\r\n${file}`,
  );

async function fetchTwice(file: string, acceptMultipart: boolean) {
  const bytes = messageWith(file);
  const { digest } = messageFacts(bytes);
  const fetch = element('ItemOperations:Fetch', [element('AirSyncBase:FileReference', '1:1:1')]);
  const answer = await itemOperations({
    call: {
      account: 'ann@example.org',
      line: { acceptMultipart },
      room: async () => {},
      document: element('ItemOperations:ItemOperations', [fetch, fetch]),
    },
    store: {
      folder: async () => ({ id: 1, account: 'ann@example.org' }),
      digests: async () => [digest],
      open: async () => [{ size: bytes.length, bytes }],
    },
  } as unknown as Context);
  assert.ok('root' in answer);
  const [, responses] = childrenOf(answer.root);
  return childrenOf(responses!).map((each) => childText(each, 'ItemOperations:Status'));
}

for (const acceptMultipart of [false, true]) {
  it(`[MS-ASCMD] 2.2.3.177.8: an answer has a limit, parts: ${acceptMultipart}`, async () => {
    const large = 'x'.repeat(answerBytesMax);
    assert.deepEqual(await fetchTwice(large, acceptMultipart), ['1', '11']);
  });

  it(`a file without anything in it is given, parts: ${acceptMultipart}`, async () => {
    assert.deepEqual(await fetchTwice('', acceptMultipart), ['1', '1']);
  });
}
