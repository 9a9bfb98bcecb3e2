// What webhooks are told of an event, and which of them: the body is `{ type, timestamp, data }`, as Standard Webhooks
// recommends.

import { globMatches } from '../../base/glob.ts';
import type { MessageNews } from '../message-news.ts';
import type { WebhookFilter } from './webhook.ts';

/** Limit: octets of a body. A reply of another server may be long, but not so long. */
export const bodyBytesMax = 64 * 2 ** 10;

/** What is too large is told without what makes it so. */
export function bodyOf({ event, at, ...data }: MessageNews): string {
  const body = JSON.stringify({ type: event, timestamp: at, data });
  if (Buffer.byteLength(body) <= bodyBytesMax) return body;
  const { id } = data;
  return JSON.stringify({ type: event, timestamp: at, data: { id, truncated: true } });
}

/** Whether the filter holds for it; `sender` is asked for only where it decides. */
export async function fits(
  { sender, recipient, domain }: WebhookFilter,
  news: MessageNews,
  senderOf: () => Promise<string | undefined>,
): Promise<boolean> {
  const recipients = recipientsOf(news);
  const some = (pattern: string, texts: readonly string[]) =>
    texts.some((text) => globMatches(pattern, text));
  if (recipient !== undefined && !some(recipient, recipients)) return false;
  if (sender !== undefined && !some(sender, [(await senderOf()) ?? ''])) return false;
  if (domain === undefined || some(domain, recipients.map(domainOf))) return true;
  return globMatches(domain, domainOf((await senderOf()) ?? ''));
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

function recipientsOf({ recipient, recipients }: MessageNews): readonly string[] {
  if (typeof recipient === 'string') return [recipient];
  return Array.isArray(recipients) ? recipients.filter((one) => typeof one === 'string') : [];
}
