// The contents of a batch on their way to the store's thread: one buffer that is handed over. A structured
// clone of each would cost more, and that of a view into a larger buffer would take the whole along.

import { assert } from '../../base/assert.ts';
import type { ContentRow, Request } from './requests.ts';

/** Undefined when there is nothing to carry. The rows have lost their bytes until they are unpacked. */
export function packContents(requests: readonly Request[]): ArrayBuffer | undefined {
  let size = 0;
  for (const { contents } of requests) for (const { bytes } of contents) size += bytes?.length ?? 0;
  if (size === 0) return undefined;
  const pack = new Uint8Array(size);
  let at = 0;
  for (const { contents } of requests)
    for (const content of contents) {
      if (content.bytes === null) continue;
      pack.set(content.bytes, at);
      at += content.bytes.length;
      content.bytes = null;
    }
  return pack.buffer;
}

export function unpackContents(requests: readonly Request[], pack: ArrayBuffer | undefined): void {
  let at = 0;
  for (const { contents } of requests)
    for (const content of contents) {
      if (content.file !== null) continue;
      assert(pack !== undefined || content.size === 0, 'contents come with their bytes');
      content.bytes = pack === undefined ? noBytes : new Uint8Array(pack, at, content.size);
      at += content.size;
    }
}

const noBytes: ContentRow['bytes'] = new Uint8Array(0);
