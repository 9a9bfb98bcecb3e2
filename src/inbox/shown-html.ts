// The HTML of a message as a document of its own, for a frame that has no scripts and no origin. It is not made
// harmless by taking things out of it, which never ends: the policy that goes with it (framePolicy) lets nothing of it
// do anything, load anything or be anybody. What the mail brought along is put in as `data:`, so that the frame asks
// this server for nothing.

import type { ShownPart } from './shown-message.ts';

/** Limit: octets of pictures that are put into one document. */
const inlinedBytesMax = 10 * 2 ** 20;

export interface FrameOptions {
  /** Whether pictures of others may be loaded, which tells them that the mail is read. */
  readonly remote: boolean;
}

/** Content-Security-Policy of the document. No scripts, no forms, no frames, no origin; links open elsewhere. */
export const framePolicy = ({ remote }: FrameOptions): string =>
  [
    'sandbox allow-popups allow-popups-to-escape-sandbox',
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `img-src data:${remote ? ' https: http:' : ''}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join('; ');

/** `parts` are those of the message that the HTML is from. */
export function frameDocument(html: string, parts: readonly ShownPart[]): string {
  const [doctype = ''] = /^\s*<!doctype[^>]{0,200}>/i.exec(html) ?? [];
  const shown = withInlined(html.slice(doctype.length), parts).replace(unasked, '<no-$1');
  return `${doctype || '<!doctype html>'}${head}${shown}`;
}

/** Links open in a window of their own, which knows nothing of this one. */
const head = '<meta charset="utf-8"><base target="_blank">';

/**
 * What a policy has no word for: `link` opens a connection before anybody has asked for pictures (preconnect), `meta` leads the
 * frame elsewhere by itself, or has others told where it is. The name of an element is changed rather than anything taken
 * out, which could make one of what stood around it.
 */
const unasked =
  /<(link|meta)(?=[\s/>])(?!\s+name="(?:viewport|color-scheme)" content="[\w ,.=-]{0,200}" ?\/?>)/gi;

/** RFC 2392: `cid:` names a part of the same message. */
function withInlined(html: string, parts: readonly ShownPart[]): string {
  const byId = new Map(parts.map((part) => [part.cid?.toLowerCase(), part]));
  let room = inlinedBytesMax;
  return html.replace(/\bcid:([^"'\s)>]{1,998})/gi, (all, id: string) => {
    const part = byId.get(decoded(id).toLowerCase());
    if (part === undefined || !/^image\/[\w.+-]+$/.test(part.type)) return all;
    const content = part.content();
    if (content.length > room) return all;
    room -= content.length;
    return `data:${part.type};base64,${Buffer.from(content).toString('base64')}`;
  });
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
