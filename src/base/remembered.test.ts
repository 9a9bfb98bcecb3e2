import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remembered } from './remembered.ts';

function reader(max: number) {
  const texts: string[] = [];
  const read = remembered(max, (text) => {
    texts.push(text);
    if (text === 'bad') throw new Error('bad');
    return text === 'nothing' ? undefined : { text };
  });
  return { read, texts };
}

describe('remembered', () => {
  it('reads a text once, also where there is nothing in it', () => {
    const { read, texts } = reader(10);
    assert.equal(read('a'), read('a'));
    assert.deepEqual([read('nothing'), read('nothing')], [undefined, undefined]);
    assert.deepEqual(texts, ['a', 'nothing']);
  });

  it('has so many at hand and no more; the oldest is read again', () => {
    const { read, texts } = reader(2);
    for (const text of ['a', 'b', 'c', 'b', 'a']) read(text);
    assert.deepEqual(texts, ['a', 'b', 'c', 'a']);
  });

  it('keeps neither long texts nor failures', () => {
    const { read, texts } = reader(10);
    const long = 'x'.repeat(4_097);
    for (const text of [long, long]) assert.equal(read(text)?.text, long);
    for (const text of ['bad', 'bad']) assert.throws(() => read(text), /bad/);
    assert.deepEqual(texts, [long, long, 'bad', 'bad']);
  });
});
