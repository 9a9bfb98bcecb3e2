import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyType } from '../../activesync/sync-options.ts';
import { child, octetsOf } from '../../activesync/wbxml/element.ts';
import { messageFacts } from '../../mail/digest/message-facts.ts';
import { memoryContent } from '../../store/content.ts';
import { itemsOf } from './items.ts';

/** Octets that are no UTF-8, so that they are shown as they are. */
const message = Buffer.from('Subject: x\r\n\r\nH\xe9llo\r\n', 'latin1');
const state = { seen: false, answered: false, flagged: false, draft: false, keywords: [] };

async function dataOf(type: number) {
  const bytes = Buffer.from(message);
  const freed: true[] = [];
  const content = {
    ...memoryContent(bytes),
    free() {
      freed.push(true);
      bytes.fill(0);
    },
  };
  const store = {
    digests: async () => [messageFacts(message).digest],
    open: async () => [content],
  };
  const preference = { type, truncation: undefined, allOrNone: false, preview: 0 };
  const shape = { bodies: [preference], parts: [], mimeSupport: 2 };
  const facts = { ...state, uid: 1, modseq: 1, size: message.length, received: 0 };
  const room = async (octets: number) => {
    assert.ok(octets <= message.length);
    rooms.push(octets);
  };
  const rooms: number[] = [];
  const [item] = await itemsOf({ store, folder: 1, shape, version: '16.1', room }, [facts]);
  const body = item?.find(({ tag }) => tag === 'AirSyncBase:Body');
  return { data: octetsOf(child(body, 'AirSyncBase:Data')!), freed: freed.length, rooms };
}

describe('items of a device', () => {
  it('give the memory of a message back once its text was taken from it', async () => {
    const { data, freed } = await dataOf(bodyType.plain);
    assert.deepEqual([String(data), freed], ['Héllo\r\n', 1]);
  });

  it('ask for room before they are read', async () => {
    assert.deepEqual((await dataOf(bodyType.mime)).rooms, [message.length]);
  });

  it('leave MIME, which is the message itself, alone', async () => {
    const { data, freed } = await dataOf(bodyType.mime);
    assert.deepEqual([Buffer.from(data), freed], [message, 0]);
  });
});
