import assert from 'node:assert/strict';
import { it } from 'node:test';
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
