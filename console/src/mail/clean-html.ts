// HTML without what could do anything, by DOMPurify: besides the frame and its policy, which let nothing of it do
// anything either. What was taken out is told, since whoever sent it may not know that it is there.

import DOMPurify from 'dompurify';

export interface CleanHtml {
  readonly html: string;
  /** `script`, `form`, `onclick` …, and how often. */
  readonly removed: ReadonlyMap<string, number>;
}

const purify = DOMPurify();
purify.addHook('afterSanitizeAttributes', (element) => {
  if (element.tagName !== 'A' && element.tagName !== 'AREA') return;
  element.setAttribute('target', '_blank');
  element.setAttribute('rel', 'noopener noreferrer');
});

/** Nobody misses them: comments, and what we put in ourselves. */
const unsaid: ReadonlySet<string> = new Set(['#comment', 'base', 'meta', 'head', 'body', 'target']);

export function cleanHtml(html: string): CleanHtml {
  const cleaned = purify.sanitize(html, {
    WHOLE_DOCUMENT: true,
    FORBID_TAGS: ['form', 'input', 'button', 'select', 'textarea', 'audio', 'video', 'dialog'],
    FORBID_ATTR: ['autofocus', 'contenteditable'],
    ADD_ATTR: ['target'],
  });
  const removed = new Map<string, number>();
  for (const one of purify.removed) {
    const name = 'element' in one ? one.element.nodeName : (one.attribute?.name ?? '');
    const key = name.toLowerCase();
    if (key !== '' && !unsaid.has(key)) removed.set(key, (removed.get(key) ?? 0) + 1);
  }
  const [doctype = ''] = /^\s*<!doctype[^>]{0,200}>/i.exec(html) ?? [];
  return { html: doctype + cleaned, removed };
}
