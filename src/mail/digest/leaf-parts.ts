// The parts of a message that are not made of others, in order, and what each is for whoever reads it.

import type { BodyPart } from './digest.ts';

export interface LeafPart {
  /** As IMAP counts: `1.2` is the second part of the first. RFC 9051 §6.4.5. */
  readonly path: string;
  readonly part: BodyPart;
  /** `text` is what is read; `inline` belongs to it, such as its pictures; `attachment` is a file beside it. */
  readonly kind: 'text' | 'inline' | 'attachment';
}

/** A message inside is one part, whatever it has itself. Recursion is as deep as MimeLimits.depthMax. */
export function leafParts(part: BodyPart, path = ''): readonly LeafPart[] {
  if (part.children.length === 0) return [{ path: path || '1', part, kind: kindOf(part) }];
  return part.children.flatMap((child, i) =>
    leafParts(child, path === '' ? `${i + 1}` : `${path}.${i + 1}`),
  );
}

/** A multipart in which no part was found shows as text. */
function kindOf({ type, subtype, name, isAttachment }: BodyPart): LeafPart['kind'] {
  if (isAttachment) return 'attachment';
  if (type === 'multipart') return 'text';
  const isRead = type === 'text' && (subtype === 'plain' || subtype === 'html');
  return isRead && name === undefined ? 'text' : 'inline';
}
