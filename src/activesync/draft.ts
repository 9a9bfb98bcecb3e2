// A draft as a device writes it: properties of the class Email, with attachments that are added and taken out. Versions
// 16.0 and 16.1. [MS-ASEMAIL] 2.2.2, [MS-ASAIRS] 2.2.2.3 and 2.2.2.23. What is not said stays as it was.

import { bodyType } from './sync-options.ts';
import type { Element } from './wbxml/element.ts';
import {
  child,
  childFlag,
  childNumber,
  children,
  childText,
  octetsOf,
  textOf,
} from './wbxml/element.ts';

export interface WrittenDraft {
  readonly to: string | undefined;
  readonly cc: string | undefined;
  readonly bcc: string | undefined;
  readonly subject: string | undefined;
  readonly body: { readonly type: number; readonly text: string } | undefined;
  readonly added: readonly WrittenFile[];
  /** File references. */
  readonly removed: readonly string[];
}

export interface WrittenFile {
  /** By which the device knows it until it has another name. */
  readonly clientId: string;
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
  readonly cid: string | undefined;
}

/** Limit. */
const filesMax = 100;

/** Undefined where nothing of it is about what a draft says. */
export function readDraft(data: Element): WrittenDraft | undefined {
  const [to, cc, subject] = (['Email:To', 'Email:Cc', 'Email:Subject'] as const).map((tag) =>
    childText(data, tag),
  );
  const bcc = childText(data, 'Email2:Bcc');
  const body = child(data, 'AirSyncBase:Body');
  const text = child(body, 'AirSyncBase:Data');
  const files = child(data, 'AirSyncBase:Attachments');
  if ([to, cc, bcc, subject, body, files].every((each) => each === undefined)) return undefined;
  return {
    ...{ to, cc, bcc, subject },
    body: body && {
      type: childNumber(body, 'AirSyncBase:Type') ?? bodyType.plain,
      text: text === undefined ? '' : textOf(text),
    },
    added: children(files, 'AirSyncBase:Add').slice(0, filesMax).map(readFile),
    removed: children(files, 'AirSyncBase:Delete').flatMap(
      (each) => childText(each, 'AirSyncBase:FileReference') ?? [],
    ),
  };
}

function readFile(add: Element): WrittenFile {
  const content = child(add, 'AirSyncBase:Content');
  const isShown = childFlag(add, 'AirSyncBase:IsInline') ?? false;
  return {
    clientId: childText(add, 'AirSyncBase:ClientId') ?? '',
    name: childText(add, 'AirSyncBase:DisplayName') ?? 'attachment',
    type: childText(add, 'AirSyncBase:ContentType') ?? 'application/octet-stream',
    content: content === undefined ? Buffer.alloc(0) : octetsOf(content),
    cid: isShown ? childText(add, 'AirSyncBase:ContentId') : undefined,
  };
}
