import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { unpack } from './unpack.ts';

interface ZipEntry {
  readonly name: string;
  readonly data: Buffer;
  /** What the directory says; default: what is true. */
  readonly length?: number;
  readonly method?: number;
  readonly flags?: number;
}

/** As the usual programs write it: sizes in the directory, and behind the data. */
function zip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, length = data.length, method = 8, flags = 8 } of entries) {
    const packed = method === 8 ? deflateRawSync(data) : data;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(flags, 8);
    head.writeUInt16LE(method, 10);
    head.writeUInt32LE(crc32(data), 16);
    head.writeUInt32LE(packed.length, 20);
    head.writeUInt32LE(length, 24);
    head.writeUInt16LE(name.length, 28);
    head.writeUInt32LE(at, 42);
    const file = Buffer.concat([local, Buffer.from(name), packed]);
    files.push(file);
    directory.push(head, Buffer.from(name));
    at += file.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, ...directory, end]);
}

const text = async (packed: Uint8Array, max?: number) =>
  Buffer.from(await unpack(packed, max)).toString('utf8');

describe('a ZIP archive', () => {
  const data = Buffer.from('<feedback/>');

  it('gives its first file, packed or not, behind folders and what macOS adds', async () => {
    const name = 'a.xml';
    assert.equal(await text(zip([{ name, data }])), '<feedback/>');
    assert.equal(await text(zip([{ name, data, method: 0 }])), '<feedback/>');
    const others = [
      { name: 'a/', data: Buffer.alloc(0) },
      { name: '__MACOSX/._a.xml', data: Buffer.from('x') },
    ];
    assert.equal(await text(zip([...others, { name, data }])), '<feedback/>');
  });

  it('a bomb is refused, also one that lies about its size', async () => {
    const bomb = { name: 'a', data: Buffer.alloc(2 ** 20) };
    await assert.rejects(text(zip([bomb]), 2 ** 16), /larger than/);
    await assert.rejects(text(zip([{ ...bomb, length: 10 }]), 2 ** 16), /larger than/);
  });

  it('what cannot be read says why', async () => {
    const good = zip([{ name: 'a', data }]);
    await assert.rejects(text(good.subarray(0, 40)), /cut off/);
    await assert.rejects(text(zip([])), /no file/);
    await assert.rejects(text(zip([{ name: 'a', data, flags: 1 }])), /encrypted/);
    await assert.rejects(text(zip([{ name: 'a', data, method: 12 }])), /method 12/);
    const broken = Buffer.from(good);
    broken.fill(0xff, 31, 36);
    await assert.rejects(text(broken), /damaged/);
    for (let at = 0; at < good.length; at += 1) {
      const wrong = Buffer.from(good);
      wrong[at] = wrong[at]! ^ 0xff;
      await text(wrong).catch((error: Error) => assert.equal(error.name, 'ReportError'));
    }
  });
});
