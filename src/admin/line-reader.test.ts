import assert from 'node:assert/strict';
import { it } from 'node:test';
import { importedMax } from './importing.ts';
import { readJsonLines } from './line-reader.ts';

it('what is no JSON is an error that does not quote it: a password may be in it', async () => {
  async function* chunks() {
    yield Buffer.from('{"call":"accountAdd","arguments":{"password":"hunter2"\n');
  }
  const read = async () => {
    for await (const _ of readJsonLines(chunks())) assert.fail('nothing was said');
  };
  await assert.rejects(read, (error: Error) => {
    assert.equal(error.message, 'a line is not JSON');
    assert.equal(error.cause, undefined);
    return true;
  });
});

it('the largest message that is imported is one line', async () => {
  const message = 'A'.repeat(importedMax);
  async function* chunks() {
    yield Buffer.from(`{"message":"${message}`);
    yield Buffer.from('"}\n');
  }
  for await (const line of readJsonLines(chunks()))
    assert.equal((line as { message: string }).message.length, importedMax);
});
