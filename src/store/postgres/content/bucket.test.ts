import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { collected } from '../../conformance/harness.ts';
import { ContentError } from '../../content.ts';
import { Bucket } from './bucket.ts';
import { hurriedClock, startObjectStore } from './test-object-store.ts';

async function open() {
  const store = await startObjectStore();
  return { store, bucket: new Bucket(store.settings, hurriedClock()) };
}

const large = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));

const octets = async (bucket: Bucket, size = large.length, from = 0) =>
  Buffer.concat(await collected(bucket.read('k', size, from)));

describe('Bucket', () => {
  it('writes, reads from anywhere, tells the size, removes', async () => {
    const { store, bucket } = await open();
    await using _ = store;
    await bucket.put('k', large);
    assert.equal(await bucket.size('k'), large.length);
    assert.deepEqual(await octets(bucket), large);
    assert.deepEqual(await octets(bucket, large.length, 299_000), large.subarray(299_000));
    await bucket.remove('k');
    await bucket.remove('k');
    assert.equal(await bucket.size('k'), undefined);
  });

  it('what comes in parts is one object, or none', async () => {
    const { store, bucket } = await open();
    await using _ = store;
    const upload = await bucket.beginParts('k');
    const tags = [];
    for (const [i, part] of [large, Buffer.from('end')].entries())
      tags.push(await bucket.putPart('k', upload, i + 1, part));
    assert.equal(await bucket.size('k'), undefined);
    await bucket.endParts('k', upload, tags);
    assert.equal(await bucket.size('k'), large.length + 3);
    const other = await bucket.beginParts('other');
    await bucket.abandonParts('other', other);
    await assert.rejects(bucket.endParts('other', other, []), StorageError);
  });

  it('503 slow down, and answers that do not come, are tried again; not for ever', async () => {
    const { store, bucket } = await open();
    await using _ = store;
    store.disturb(
      (_, response) => {
        response.writeHead(503);
        response.end('<Error><Code>SlowDown</Code><Message>later</Message></Error>');
      },
      (request) => request.socket.destroy(),
      () => {}, // no answer at all
    );
    await bucket.put('k', large);
    assert.deepEqual(await octets(bucket), large);
    const busy = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(503);
      response.end('<Error><Code>SlowDown</Code></Error>');
    };
    store.disturb(busy, busy, busy, busy, busy);
    await assert.rejects(bucket.put('k', large), /SlowDown/);
  });

  it('a connection that ends while content is read is made again, from where it was', async () => {
    const { store, bucket } = await open();
    await using _ = store;
    await bucket.put('k', large);
    store.disturb((_, response) => {
      response.writeHead(206, {
        'content-length': large.length,
        'content-range': `bytes 0-${large.length - 1}/${large.length}`,
      });
      response.write(large.subarray(0, 100_000), () => response.destroy());
    });
    assert.deepEqual(await octets(bucket), large);
  });

  it('what is missing or of another size is a matter of its message; a refusal is not', async () => {
    const { store, bucket } = await open();
    await using _ = store;
    await assert.rejects(octets(bucket), (error: ContentError) => error.problem === 'missing');
    await bucket.put('k', large);
    await assert.rejects(octets(bucket, 299_999), (error: ContentError) => {
      return error.problem === 'damaged';
    });
    const wrong = new Bucket({ ...store.settings, secretKey: 'wrong' }, hurriedClock());
    await assert.rejects(
      wrong.put('k', large),
      (error) => error instanceof StorageError && !(error instanceof ContentError),
    );
  });
});
