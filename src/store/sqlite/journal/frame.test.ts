// What lies in a segment, octet by octet: heads of which one counts, frames that are whole, records of any number and length.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { message } from '../../conformance/harness.ts';
import type { SegmentHead } from './frame.ts';
import {
  blockBytes,
  decodeFrame,
  decodeHead,
  encodeFrameHead,
  encodeHead,
  frameHeadBytes,
  headBytes,
  headPosition,
} from './frame.ts';
import type { JournaledMessage } from './record.ts';
import {
  decodeRecords,
  doneBytesMax,
  encodedBytesMax,
  encodeMessage,
  RecordBuffer,
} from './record.ts';

const salt = Buffer.from('saltsalt');
const headOf = (serial: number): SegmentHead => ({
  ...{ serial, generation: 7, tail: 3, firstSequence: 100, salt },
});

describe('the head of a segment', () => {
  const both = (...serials: number[]) => {
    const bytes = Buffer.alloc(headBytes);
    for (const serial of serials) bytes.set(encodeHead(headOf(serial)), headPosition(serial));
    return bytes;
  };
  const serialIn = (bytes: Buffer) => {
    const read = decodeHead(bytes);
    return read.kind === 'head' ? read.head.serial : read.kind;
  };

  it('is the later one of two', () => {
    assert.deepEqual(decodeHead(both(4, 5)), { kind: 'head', head: headOf(5) });
    assert.equal(serialIn(both(6, 5)), 6);
  });

  it('a torn one does not count, in whatever octet it is wrong', () => {
    for (let at = 0; at < 52; at += 1) {
      const bytes = both(4, 5);
      bytes[headPosition(5) + at]! ^= 1;
      assert.equal(serialIn(bytes), 4, `octet ${at}`);
    }
  });

  it('a file that is too short for one has none', () => {
    for (const length of [0, 8, 20, 51])
      assert.equal(serialIn(both(4).subarray(0, length)), 'none');
  });
});

describe('a frame', () => {
  const mark = { generation: 7, sequence: 100, salt };
  const segmentWith = (length: number) => {
    const segment = Buffer.alloc(2 * blockBytes);
    const payload = segment.subarray(frameHeadBytes, frameHeadBytes + length).fill('x');
    encodeFrameHead(segment, mark, { length, pieces: [payload] });
    return segment;
  };

  it('may end with its segment', () => {
    const most = 2 * blockBytes - frameHeadBytes;
    const frame = decodeFrame(segmentWith(most), 0, mark);
    assert.deepEqual([frame?.payload.length, frame?.end], [most, 2 * blockBytes]);
    assert.deepEqual(
      [frame?.sequence, decodeFrame(segmentWith(0), 0, mark)?.end],
      [100, blockBytes],
    );
  });

  it('of another use of the segment is none, and neither is a damaged one', () => {
    const segment = segmentWith(10);
    assert.equal(decodeFrame(segment, 0, { ...mark, generation: 8 }), undefined);
    assert.equal(decodeFrame(segment, 0, { ...mark, salt: Buffer.from('pepper!!') }), undefined);
    for (let at = 0; at < frameHeadBytes + 10; at += 1) {
      const damaged = Buffer.from(segment);
      damaged[at]! ^= 1;
      assert.equal(decodeFrame(damaged, 0, mark), undefined, `octet ${at}`);
    }
    assert.equal(decodeFrame(segment, segment.length - 8, mark), undefined, 'no room for one');
  });
});

describe('records', () => {
  const mail = (id: string, bytes: Buffer, recipients = 1): JournaledMessage => ({
    ...message(id),
    recipients: Array.from({ length: recipients }, () => message(id).recipients[0]!),
    content: { kind: 'inline', bytes },
  });
  const readBack = (buffer: RecordBuffer) => {
    const { head, payload } = buffer.finish();
    const octets = Buffer.concat(payload);
    assert.equal(head.length + octets.length, buffer.length);
    return [...decodeRecords(octets)];
  };

  it('come back as they went in, however many there are and however long', () => {
    const buffer = new RecordBuffer();
    const messages = [
      ...Array.from({ length: 300 }, (_, i) => mail(`small ${i}`, Buffer.alloc(400, `${i} `))),
      mail('copied', Buffer.alloc(32 * 1024 - 1, 'c')),
      mail('from where it lies', Buffer.alloc(32 * 1024, 'l')),
      mail('many', Buffer.alloc(10), 1000),
      mail('wide ä', Buffer.alloc(10), 5000),
    ];
    for (const one of messages) {
      const before = buffer.length;
      const encoded = encodeMessage(one);
      buffer.addMessage(encoded);
      assert.ok(
        buffer.length - before <= encodedBytesMax(encoded),
        'never more than was reckoned with',
      );
    }
    assert.deepEqual(
      readBack(buffer).map((record) => record.kind === 'message' && record.message),
      messages,
    );
    buffer.clear();
    assert.equal(buffer.isEmpty, true);
  });

  it('one that is longer than all the room there was comes back, too', () => {
    const buffer = new RecordBuffer();
    const long = mail('long', Buffer.alloc(10), 5000);
    buffer.addMessage(encodeMessage(long));
    assert.deepEqual(readBack(buffer), [{ kind: 'message', message: long }]);
  });

  it('word of what is done does, too', () => {
    const buffer = new RecordBuffer();
    const dones = Array.from({ length: 5000 }, (_, i) => ({
      ...{ kind: 'done', id: `ü${i}`, indexes: i % 2 === 0 ? undefined : [i, 0] },
    }));
    for (const { id, indexes } of dones) {
      const before = buffer.length;
      buffer.addDone(id, indexes);
      assert.ok(buffer.length - before <= doneBytesMax(id, indexes));
    }
    assert.deepEqual(readBack(buffer), dones);
  });
});
