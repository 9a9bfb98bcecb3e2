// The third part of a report: the message it is about, whole or only its header. RFC 3461 §4.3 and
// §6.2 (RET), RFC 6522 §4 (header only), RFC 6533 §4.2 and §4.3 (in UTF-8). Bounded: nobody can have
// large mail multiplied by sending it to addresses that bounce.

import { enclosedHeader, isEnclosable } from '../../mail/mime/enclosed-message.ts';
import { paramValue } from '../../mail/status/delivery-status.ts';
import { ContentError } from '../../store/content.ts';
import type { QueuedMessage } from '../../store/queue-store.ts';

export interface Returned {
  readonly bytes: Buffer;
  /** Content-Type */
  readonly type: string;
  readonly description: string;
}

/** Limit: RFC 3461 §6.2 lets an implementation return only the header of longer messages. */
const fullBytesMax = 80 * 2 ** 10;
/** Limit: without RET a message is returned whole only if it is short, as others do (50,000). */
const fullBytesMaxUnasked = 48 * 2 ** 10;

/** The first octets of the message, trace fields included: all of it when it could be returned. */
export async function startOf(message: QueuedMessage): Promise<Buffer> {
  const pieces: Buffer[] = [Buffer.from(message.prefix)];
  let length = pieces[0]!.length;
  const { bytes } = message.content;
  if (bytes !== undefined) {
    pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, fullBytesMax)));
  } else {
    try {
      for await (const piece of message.content.read()) {
        pieces.push(Buffer.from(piece)); // a copy: the reader may use its buffer again
        length += piece.length;
        if (length > fullBytesMax) break;
      }
    } catch (error) {
      // Content that is gone cannot be returned; that the message is lost can be told all the same.
      if (!(error instanceof ContentError)) throw error;
    }
  }
  return Buffer.concat(pieces);
}

export function returnedContent(
  message: QueuedMessage,
  start: Buffer,
  options: { readonly failed: boolean; readonly utf8: boolean },
): Returned {
  const { failed, utf8 } = options;
  if (failed && mayReturnAll(message, start))
    return {
      bytes: start,
      // RFC 6533 §4.2: message/global is message/rfc822 with UTF-8 in its header.
      type: utf8 ? 'message/global' : 'message/rfc822',
      description: 'Undelivered message',
    };
  return {
    bytes: enclosedHeader(start),
    type: utf8 ? 'message/global-headers' : 'text/rfc822-headers',
    description: failed ? 'Undelivered message, header only' : 'Header of the message',
  };
}

function mayReturnAll(message: QueuedMessage, start: Buffer): boolean {
  const ret = paramValue(message.params, 'RET')?.toUpperCase();
  // RFC 8689 §5: as if RET=HDRS was there, even if RET=FULL is.
  if (ret === 'HDRS' || message.params.includes('REQUIRETLS')) return false;
  const size = Buffer.byteLength(message.prefix) + message.content.size;
  if (start.length !== size) return false;
  return size <= (ret === 'FULL' ? fullBytesMax : fullBytesMaxUnasked) && isEnclosable(start);
}
