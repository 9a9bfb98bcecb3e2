// What onMessage gets: envelope, decoded header, and the octets, in pieces or taken apart.

import { headerBytesMax, headerEndWithin } from '../mail/header/header.ts';
import type { MessageHeader, ParsedMessage } from '../mail/parsed-message.ts';
import { parseMessage, readHeader } from '../mail/parsed-message.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { NewMessage } from '../store/queue-store.ts';
import type { HeldContent } from './held-content.ts';

/**
 * It may be read for as long as you hold it, also after onMessage and when the server is closed.
 * What is larger than 128 KiB lies on the disk meanwhile, with one open file for each message: hold
 * thousands of those, and release() says when you are done sooner than the garbage collector would.
 */
export interface ReceivedMessage extends MessageHeader {
  readonly id: string;
  /** The reverse-path, '' for the null sender of bounces. */
  readonly from: string;
  readonly to: readonly string[];
  /** Octets of the content, without our Received field. */
  readonly size: number;
  readonly client: ClientFacts;
  /** The message as received, our Received field in front, in pieces; may be read again. */
  stream(): AsyncIterable<Uint8Array>;
  /** All of it: mind `size`. */
  raw(): Promise<Buffer>;
  /** Taken apart: text, HTML, attachments, every part. All of it comes into memory: mind `size`. */
  parse(): Promise<ParsedMessage>;
  /** It is not read any more. Nobody has to call this. */
  release(): void;
}

export async function receivedMessage(
  message: NewMessage,
  client: ClientFacts,
  content: HeldContent,
): Promise<ReceivedMessage> {
  const prefix = Buffer.from(message.prefix);
  async function* stream(): AsyncIterable<Uint8Array> {
    if (prefix.length > 0) yield prefix;
    yield* content.read();
  }
  const raw = async (): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream()) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const header = lazyHeader(prefix, await headOf(content));
  const facts = {
    id: message.id,
    from: message.sender,
    to: message.recipients.map(({ address }) => address),
    size: content.size,
    client,
    stream,
    raw,
    parse: async () => parseMessage(await raw()),
    release: () => content.release(),
  };
  return Object.defineProperties(facts, Object.getOwnPropertyDescriptors(header)) as typeof facts &
    MessageHeader;
}

/** Nothing is copied or parsed before somebody asks. */
function lazyHeader(prefix: Buffer, head: Uint8Array): MessageHeader {
  let read: MessageHeader | undefined;
  const header = () => (read ??= readHeader(Buffer.concat([prefix, head])));
  return {
    get subject() {
      return header().subject;
    },
    get headers() {
      return header().headers;
    },
    get date() {
      return header().date;
    },
    header: (name) => header().header(name),
    addresses: (name) => header().addresses(name),
  };
}

async function headOf(content: HeldContent): Promise<Uint8Array> {
  if (content.bytes !== undefined) return content.bytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.read()) {
    chunks.push(chunk);
    size += chunk.length;
    const head = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    if (size >= headerBytesMax || headerEndWithin(head) !== undefined) return head;
  }
  return Buffer.concat(chunks);
}
