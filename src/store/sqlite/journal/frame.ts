// The journal's layout. A segment begins with two head blocks, written in turn, the one with the
// greater serial counts; then come frames, one for each flush, each on blocks of its own so that a
// torn write damages nothing that was flushed before. Numbers are little-endian.
//
// A segment is used again and again. Its generation and a random salt say which frames are of this
// use: what a message contains cannot pass for a frame, since nobody outside knows the salt.

import { crc32 } from 'node:zlib';

export const blockBytes = 4096;
/** Where frames begin. */
export const headBytes: number = 2 * blockBytes;
export const frameHeadBytes = 32;
export const saltBytes = 8;

const currentVersion = 1;
const headMagic = 'PRJHEAD ';
const frameMagic = 0x464a_5250; // 'PRJF'
const headLength = 52;

export interface SegmentHead {
  /** Grows with each writing of the head. */
  readonly serial: number;
  readonly generation: number;
  /** Older generations hold nothing that is alive; greater than `generation`: nothing at all does. */
  readonly tail: number;
  /** Number of the segment's first frame, so that of the one before none can be missing. */
  readonly firstSequence: number;
  readonly salt: Uint8Array;
}

export type ReadHead =
  | { readonly kind: 'head'; readonly head: SegmentHead }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'none' };

export const alignedBytes = (length: number): number => Math.ceil(length / blockBytes) * blockBytes;

/** One block. It belongs at `headPosition(serial)`. */
export function encodeHead(segment: SegmentHead, version: number = currentVersion): Buffer {
  const { serial, generation, tail, firstSequence, salt } = segment;
  const block = Buffer.alloc(blockBytes);
  block.write(headMagic, 0, 'latin1');
  block.writeUInt32LE(version, 8);
  block.writeUInt32LE(serial, 12);
  block.writeUIntLE(generation, 16, 6);
  block.writeUIntLE(tail, 24, 6);
  block.writeUIntLE(firstSequence, 32, 6);
  block.set(salt, 40);
  block.writeUInt32LE(crc32(block.subarray(0, headLength - 4)), headLength - 4);
  return block;
}

export const headPosition = (serial: number): number => (serial % 2) * blockBytes;

/** From the two head blocks: the later one that is whole. */
export function decodeHead(bytes: Uint8Array): ReadHead {
  let found: ReadHead = { kind: 'none' };
  for (const at of [0, blockBytes]) {
    const read = decodeHeadBlock(Buffer.from(bytes.subarray(at, at + blockBytes)));
    if (read.kind === 'newer') return read;
    if (read.kind === 'none') continue;
    if (found.kind === 'none' || read.head.serial > found.head.serial) found = read;
  }
  return found;
}

function decodeHeadBlock(block: Buffer): ReadHead {
  const none = { kind: 'none' } as const;
  if (block.length < headLength || block.toString('latin1', 0, 8) !== headMagic) return none;
  if (block.readUInt32LE(headLength - 4) !== crc32(block.subarray(0, headLength - 4))) return none;
  const found = block.readUInt32LE(8);
  if (found !== currentVersion) return { kind: 'newer', version: found };
  const head = {
    serial: block.readUInt32LE(12),
    generation: block.readUIntLE(16, 6),
    tail: block.readUIntLE(24, 6),
    firstSequence: block.readUIntLE(32, 6),
    salt: Buffer.from(block.subarray(40, 40 + saltBytes)),
  };
  return { kind: 'head', head };
}

export interface FrameMark {
  readonly generation: number;
  readonly sequence: number;
  readonly salt: Uint8Array;
}

/** Writes the head of a frame whose payload lies in `payload`, of `length` octets in all. */
export function encodeFrameHead(
  head: Buffer,
  { generation, sequence, salt }: FrameMark,
  payload: { readonly length: number; readonly pieces: readonly Uint8Array[] },
): void {
  head.writeUInt32LE(frameMagic, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeUIntLE(generation, 8, 6);
  head.writeUIntLE(sequence, 14, 6);
  head.set(salt, 20);
  let sum = crc32(head.subarray(0, frameHeadBytes - 4));
  for (const piece of payload.pieces) sum = crc32(piece, sum);
  head.writeUInt32LE(sum, frameHeadBytes - 4);
}

/** The frame at `at`, if a whole one of this use of the segment lies there. */
export function decodeFrame(
  segment: Buffer,
  at: number,
  { generation, salt }: Pick<FrameMark, 'generation' | 'salt'>,
): { readonly sequence: number; readonly payload: Buffer; readonly end: number } | undefined {
  if (at + frameHeadBytes > segment.length || segment.readUInt32LE(at) !== frameMagic)
    return undefined;
  const length = segment.readUInt32LE(at + 4);
  const payloadAt = at + frameHeadBytes;
  if (payloadAt + length > segment.length) return undefined;
  if (segment.readUIntLE(at + 8, 6) !== generation) return undefined;
  if (segment.compare(salt, 0, saltBytes, at + 20, at + 20 + saltBytes) !== 0) return undefined;
  const payload = segment.subarray(payloadAt, payloadAt + length);
  const sum = crc32(payload, crc32(segment.subarray(at, payloadAt - 4)));
  if (segment.readUInt32LE(payloadAt - 4) !== sum) return undefined;
  return {
    sequence: segment.readUIntLE(at + 14, 6),
    payload,
    end: alignedBytes(payloadAt + length),
  };
}
