// A document of ActiveSync: elements that hold elements, text or octets. No attributes and no mixed content:
// [MS-ASWBXML] has neither.

import type { TagName } from './code-pages.ts';

export interface Element {
  readonly tag: TagName;
  readonly content: Content;
}

/** Elements, none of them for an empty element; or text; or octets as they are. */
export type Content = readonly Element[] | string | Uint8Array;

/** What is undefined is left out. */
export function element(
  tag: TagName,
  content: readonly (Element | undefined)[] | string | number | Uint8Array = [],
): Element {
  if (typeof content === 'number') return { tag, content: String(content) };
  if (typeof content === 'string' || content instanceof Uint8Array) return { tag, content };
  return { tag, content: content.filter((each) => each !== undefined) };
}

/** None for an element that has text or octets. */
export const childrenOf = ({ content }: Element): readonly Element[] =>
  typeof content === 'string' || content instanceof Uint8Array ? [] : content;

export const child = (parent: Element | undefined, tag: TagName): Element | undefined =>
  parent && childrenOf(parent).find((each) => each.tag === tag);

export const children = (parent: Element | undefined, tag: TagName): readonly Element[] =>
  parent === undefined ? [] : childrenOf(parent).filter((each) => each.tag === tag);

/** '' for an element that has elements. Octets are read as UTF-8. */
export function textOf({ content }: Element): string {
  if (typeof content === 'string') return content;
  return content instanceof Uint8Array ? Buffer.from(content).toString() : '';
}

/** Of the first child of this name, undefined where there is none. */
export function childText(parent: Element | undefined, tag: TagName): string | undefined {
  const found = child(parent, tag);
  return found && textOf(found);
}

/** As `childText`, read as a whole number of at most nine digits; undefined for everything else. */
export function childNumber(parent: Element | undefined, tag: TagName): number | undefined {
  const text = childText(parent, tag)?.trim();
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** An empty element says yes, too. [MS-ASDTYPE] 2.1. */
export function childFlag(parent: Element | undefined, tag: TagName): boolean | undefined {
  const text = childText(parent, tag)?.trim().toLowerCase();
  return text === undefined ? undefined : text !== '0' && text !== 'false';
}

/** Characters and octets of all that is in it. */
export function lengthOf({ content }: Element): number {
  if (typeof content === 'string' || content instanceof Uint8Array) return content.length;
  return content.reduce((sum, each) => sum + lengthOf(each), 0);
}

/** The octets of an element, whichever way they were written; text is UTF-8. */
export function octetsOf({ content }: Element): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return Buffer.from(typeof content === 'string' ? content : '');
}
