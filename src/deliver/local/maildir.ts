// Delivery to Maildir folders, for those who read mail with Dovecot or mutt. A message is written
// to tmp, flushed, moved to new, and the folder is flushed, before we call it delivered; what lies
// in new is always whole. Its name comes from the queue id, so that an attempt repeated after a
// crash puts the same message in the same place.

import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Log } from '../../base/log.ts';
import type { Readable } from '../../mail/header/header-cut.ts';
import { readHeader, withoutRanges } from '../../mail/header/header-cut.ts';
import { returnPaths } from '../../mail/trace/return-path.ts';
import { finalFields } from '../../mail/trace/trace.ts';
import type { AddressMap } from '../../policy/addresses/address-map.ts';
import type { Deliver, RecipientResult } from '../../queue/delivery.ts';
import { reply } from '../../smtp/reply.ts';
import { replyFor, StorageError } from '../../smtp/smtp-error.ts';
import { syncDirectory } from '../../store/files/directory.ts';
import type { LeasedRecipient, QueuedMessage } from '../../store/queue-store.ts';
import { accountFor, deliveredBefore } from './local.ts';

export interface MaildirDeliveryOptions {
  /** Folder of an account; `{address}`, `{local}` and `{domain}` are those of its primary address. */
  readonly directory: string;
  readonly recipients: Pick<AddressMap, 'accountOf'>;
  readonly hostname: string;
  readonly log: Log;
}

/** A message with the content that is kept of it. */
type Arrived = Omit<QueuedMessage, 'content'> & { readonly content: Readable };

const delivered = reply(250, '0.0', 'Delivered to Maildir');

/** Limit: folders known to exist. */
const foldersKnownMax = 10_000;

export function createMaildirDelivery(options: MaildirDeliveryOptions): Deliver {
  const folders = new BoundedMap<string, true>(foldersKnownMax);
  return async ({ message, recipients }) => {
    const head = await readHeader(message.content);
    const before = deliveredBefore(head);
    const paths = returnPaths(head);
    const content = paths.length === 0 ? message.content : withoutRanges(message.content, paths);
    const results: RecipientResult[] = [];
    // Each on its own: what one of them meets says nothing of those already delivered.
    for (const recipient of recipients)
      results.push(await deliverTo(recipient, { ...message, content }, before));
    return { recipients: results, health: 'ok' };
  };

  async function deliverTo(
    recipient: LeasedRecipient,
    message: Arrived,
    before: ReadonlySet<string> | undefined,
  ): Promise<RecipientResult> {
    const account = await accountFor(recipient.address, before, options.recipients);
    if (typeof account !== 'string') return account;
    const folder = maildirOf(options.directory, account);
    try {
      if (folders.get(folder) === undefined) await createMaildir(folder);
      folders.set(folder, true);
      await write(folder, message, recipient, options.hostname);
      return { kind: 'delivered', reply: delivered };
    } catch (error) {
      folders.delete(folder);
      const { code, message: why } = error as NodeJS.ErrnoException;
      options.log.warn('maildir delivery failed', { id: message.id, folder, error: why });
      const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO';
      const cause = full ? new StorageError(why, { cause: error }) : error;
      return { kind: 'deferred', reply: replyFor(cause) };
    }
  }
}

/** The account's folder. What an address holds cannot lead out of the place it is put in. */
export function maildirOf(pattern: string, address: string): string {
  const at = address.lastIndexOf('@');
  return pattern.replace(/\{(address|local|domain)\}/g, (_, part) => {
    if (part === 'address') return pathPart(address);
    return pathPart(part === 'local' ? address.slice(0, at) : address.slice(at + 1));
  });
}

/** Percent-encoded where a file name cannot hold it, or where it would hide or climb. */
const pathPart = (text: string): string =>
  text
    .replace(/[%/\\\x00-\x1f\x7f]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/^\./, '%2e') || '%';

async function createMaildir(folder: string): Promise<void> {
  const first = await mkdir(join(folder, 'new'), { recursive: true, mode: 0o700 });
  for (const part of ['cur', 'tmp'])
    await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // The name of each folder that was made is durable when the one it lies in is.
  const top = dirname(first);
  for (let path = folder; path.length >= top.length; path = dirname(path)) {
    await syncDirectory(path);
    if (path === dirname(path)) break;
  }
}

async function write(
  folder: string,
  message: Arrived,
  { address, index, fence }: LeasedRecipient,
  hostname: string,
): Promise<void> {
  const seconds = Math.floor(message.received / 1_000);
  const name = `${seconds}.${message.id}R${index}.${hostname.replace(/[^A-Za-z0-9.-]/g, '_')}`;
  const temporary = join(folder, 'tmp', `${name}.${fence}`);
  try {
    const sizes = await writeFile(temporary, message, finalFields(message, address));
    // Field: S= and W=, the size of the file and with CRLF, spare Dovecot opening it.
    const target = join(folder, 'new', `${name},S=${sizes.file},W=${sizes.wire}`);
    await rename(temporary, target);
    await syncDirectory(join(folder, 'new'));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/**
 * Field: Maildir programs expect the line ends of Unix, so CR LF becomes LF. That loses nothing, as
 * no other CR or LF is in a message, unless it is binary (RFC 3030): that is stored as it is.
 */
async function writeFile(
  path: string,
  message: Arrived,
  fields: string,
): Promise<{ file: number; wire: number }> {
  const prefix = Buffer.from(fields);
  const asItIs = message.params.includes('BODY=BINARYMIME');
  const lines = new UnixLines();
  const convert = (bytes: Uint8Array) => (asItIs ? bytes : lines.convert(bytes));
  await using file = await open(path, 'w', 0o600);
  let size = 0;
  const append = async (bytes: Uint8Array) => {
    size += bytes.length;
    await file.writeFile(bytes);
  };
  await append(convert(prefix));
  if (message.content.bytes !== undefined) await append(convert(message.content.bytes));
  else for await (const chunk of message.content.read()) await append(convert(chunk));
  await append(lines.end());
  await file.sync();
  return { file: size, wire: prefix.length + message.content.size };
}

const cr = 0x0d;
const lf = 0x0a;

/** Leaves out each CR before an LF, also where they are in different pieces. */
export class UnixLines {
  #heldCr = false;

  convert(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    const out = Buffer.allocUnsafe(bytes.length + 1);
    let length = 0;
    if (this.#heldCr && bytes[0] !== lf) out[length++] = cr;
    this.#heldCr = bytes[bytes.length - 1] === cr;
    const end = this.#heldCr ? bytes.length - 1 : bytes.length;
    for (let i = 0; i < end; i += 1) {
      const byte = bytes[i]!;
      if (byte !== cr || bytes[i + 1] !== lf) out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  /** A CR that nothing followed. */
  end(): Uint8Array {
    return this.#heldCr ? Buffer.of(cr) : Buffer.alloc(0);
  }
}
