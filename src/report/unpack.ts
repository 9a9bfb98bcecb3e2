// What a report is packed in: gzip (RFC 1952), a ZIP archive with one file, or nothing. What comes out of it is
// bounded while it comes, so that a bomb costs what its limit costs. Told by its first octets, since the
// labels of attachments are often wrong.

import { promisify } from 'node:util';
import { gunzip, inflateRaw } from 'node:zlib';
import { ReportError } from './report-error.ts';

const gunzipped = promisify(gunzip);
const inflated = promisify(inflateRaw);

/** Limit: what a report may have unpacked. Those of the largest senders have a few MiB. */
export const unpackedBytesMax = 32 * 2 ** 20;

/** @throws ReportError */
export async function unpack(packed: Uint8Array, bytesMax = unpackedBytesMax): Promise<Uint8Array> {
  try {
    if (packed[0] === 0x1f && packed[1] === 0x8b)
      return await gunzipped(packed, { maxOutputLength: bytesMax });
    if (packed[0] === 0x50 && packed[1] === 0x4b) return await firstOfZip(packed, bytesMax);
  } catch (error) {
    if (error instanceof ReportError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw new ReportError(`the archive is damaged: ${message}`);
  }
  if (packed.length > bytesMax) throw tooLarge(bytesMax);
  return packed;
}

const tooLarge = (bytesMax: number): ReportError =>
  new ReportError(`larger than ${bytesMax / 2 ** 20} MiB when unpacked`);

const centralHeader = 0x02014b50;
const localHeader = 0x04034b50;
/** Limit: directory entries looked at: reports come alone, or with folders of macOS. */
const entriesMax = 50;

/** The first file by the directory at the end, where sizes are certain. APPNOTE 4.3.12, 4.3.16. */
async function firstOfZip(packed: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  const zip = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  if (end < 0 || end + 22 > zip.length) throw new ReportError('the archive is cut off');
  let at = zip.readUInt32LE(end + 16);
  for (let entry = 0; entry < entriesMax; entry += 1) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== centralHeader) break;
    const [size, length] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [nameLength, extraLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)];
    const name = zip.toString('latin1', at + 46, at + 46 + nameLength);
    if (!name.endsWith('/') && !name.startsWith('__MACOSX/')) {
      if (length > bytesMax) throw tooLarge(bytesMax);
      if ((zip.readUInt16LE(at + 8) & 1) !== 0) throw new ReportError('the archive is encrypted');
      const method = zip.readUInt16LE(at + 10);
      return fileAt(zip, zip.readUInt32LE(at + 42), { size, method, bytesMax });
    }
    at += 46 + nameLength + extraLength + zip.readUInt16LE(at + 32);
  }
  throw new ReportError('there is no file in the archive');
}

async function fileAt(
  zip: Buffer,
  at: number,
  file: { readonly size: number; readonly method: number; readonly bytesMax: number },
): Promise<Uint8Array> {
  if (at + 30 > zip.length || zip.readUInt32LE(at) !== localHeader)
    throw new ReportError('the archive is damaged');
  const start = at + 30 + zip.readUInt16LE(at + 26) + zip.readUInt16LE(at + 28);
  const data = zip.subarray(start, start + file.size);
  if (data.length < file.size) throw new ReportError('the archive is cut off');
  if (file.method === 0) return data;
  if (file.method !== 8) throw new ReportError(`the archive is packed by method ${file.method}`);
  return inflated(data, { maxOutputLength: file.bytesMax });
}
