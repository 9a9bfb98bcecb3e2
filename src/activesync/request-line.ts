// What a request says before its body: command, device, version, policy key. [MS-ASHTTP] 2.2.1.1.1: in a plain query,
// or in one that is base64 of a binary form; 2.2.1.1.2: in header fields. Total and bounded.

import type { CommandName, Version } from './versions.ts';
import { commandAt, commandOf, isVersion } from './versions.ts';

export interface RequestLine {
  readonly command: CommandName;
  /** Letters and digits; devices name themselves. */
  readonly deviceId: string;
  readonly deviceType: string;
  readonly version: Version;
  /** '0' before the first Provision. */
  readonly policyKey: string;
  /** [MS-ASHTTP] 2.2.1.1.2.5: several parts rather than base64, for ItemOperations. */
  readonly acceptMultipart: boolean;
  /** What version 12.1 has in the query for mail that is sent. */
  readonly saveInSent: boolean;
  readonly collectionId: string | undefined;
  readonly itemId: string | undefined;
  readonly attachmentName: string | undefined;
}

export type ReadRequestLine =
  | { readonly kind: 'request'; readonly request: RequestLine }
  /** HTTP 400 (or 501 for a command that nobody knows, 505 for a version). */
  | { readonly kind: 'refused'; readonly status: 400 | 501 | 505; readonly why: string };

/** Limit: [MS-ASHTTP] 2.2.1.1.1.1.1 allows 32 characters; some devices have more. */
const deviceIdMax = 64;
const deviceTypeMax = 64;
/** Limit: characters of a query. */
const queryMax = 2_000;

const refused = (status: 400 | 501 | 505, why: string): ReadRequestLine => ({
  ...{ kind: 'refused', status, why },
});

/** `query` is without its question mark; `header` gives a field by its name. */
export function readRequestLine(
  query: string,
  header: (name: string) => string | undefined,
): ReadRequestLine {
  if (query.length > queryMax) return refused(400, 'the query is too long');
  const given = query.includes('Cmd=') ? plain(query, header) : encoded(query);
  if (given === undefined) return refused(400, 'the query cannot be understood');
  if (given.command === undefined) return refused(501, 'there is no such command here');
  if (!isVersion(given.version)) return refused(505, `version ${given.version} is not spoken here`);
  const { deviceId, deviceType } = given;
  if (deviceId.length > deviceIdMax || !/^[\w.-]+$/.test(deviceId))
    return refused(400, 'the name of the device is missing or cannot be used');
  const type = deviceType.replace(/[^\w .-]/g, '').slice(0, deviceTypeMax) || 'unknown';
  const request = { ...given, command: given.command, version: given.version, deviceType: type };
  return { kind: 'request', request };
}

type Given = Omit<RequestLine, 'command' | 'version'> & {
  readonly command: CommandName | undefined;
  readonly version: string;
};

function plain(query: string, header: (name: string) => string | undefined): Given {
  const given = new URLSearchParams(query);
  const one = (name: string) => given.get(name) ?? undefined;
  return {
    command: commandOf(one('Cmd') ?? ''),
    deviceId: one('DeviceId') ?? '',
    deviceType: one('DeviceType') ?? '',
    version: header('ms-asprotocolversion')?.trim() ?? '',
    policyKey: header('x-ms-policykey')?.trim() ?? '0',
    acceptMultipart: header('ms-asacceptmultipart')?.trim() === 'T',
    saveInSent: one('SaveInSent') === 'T',
    collectionId: one('CollectionId'),
    itemId: one('ItemId'),
    attachmentName: one('AttachmentName'),
  };
}

/** [MS-ASHTTP] 2.2.1.1.1.1.3: what a parameter of the binary form is. */
const parameter = { attachmentName: 0, collectionId: 1, itemId: 3, options: 7 } as const;
const option = { saveInSent: 0x01, acceptMultipart: 0x02 } as const;

/** [MS-ASHTTP] 2.2.1.1.1.1: version, command, locale, device, policy key, device type, parameters. */
function encoded(query: string): Given | undefined {
  const text = decodeURIComponentOrNot(query);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const octets = Buffer.from(text, 'base64');
  let at = 0;
  const take = (length: number): Buffer => {
    const taken = octets.subarray(at, at + length);
    if (taken.length < length) throw new RangeError('it ends too early');
    at += length;
    return taken;
  };
  const sized = (): Buffer => take(take(1)[0]!);
  try {
    const version = take(1)[0]!;
    const command = commandAt(take(1)[0]!);
    take(2);
    // Field: devices write sixteen octets, or a text; either way it is a name of theirs.
    const device = sized();
    const policyKey = sized();
    const deviceType = sized().toString('latin1');
    const parameters = new Map<number, Buffer>();
    while (at < octets.length) parameters.set(take(1)[0]!, sized());
    const options = parameters.get(parameter.options)?.[0] ?? 0;
    return {
      command,
      deviceId: /^[\w.-]+$/.test(device.toString('latin1'))
        ? device.toString('latin1')
        : device.toString('hex'),
      deviceType,
      version: `${Math.floor(version / 10)}.${version % 10}`,
      policyKey: policyKey.length === 4 ? String(policyKey.readUInt32LE()) : '0',
      acceptMultipart: (options & option.acceptMultipart) !== 0,
      saveInSent: (options & option.saveInSent) !== 0,
      collectionId: parameters.get(parameter.collectionId)?.toString(),
      itemId: parameters.get(parameter.itemId)?.toString(),
      attachmentName: parameters.get(parameter.attachmentName)?.toString(),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function decodeURIComponentOrNot(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
