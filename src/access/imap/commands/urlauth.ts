// GENURLAUTH, URLFETCH, RESETKEY: messages lent to others by URLs. RFC 4467 §7. INTERNAL is the only mechanism.

import { wireString } from '../../../imap/wire-string.ts';
import { ContentError } from '../../../store/content.ts';
import { requireRight } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { Literal } from '../fetch/message-source.ts';
import { ImapRefusal, ok } from '../refusal.ts';

export const genUrlAuth: ExecutorOf<'GENURLAUTH'> = async ({ urls }, context) => {
  const authorized: string[] = [];
  for (const { url, mechanism } of urls) {
    if (mechanism !== 'INTERNAL')
      throw new ImapRefusal('BAD', undefined, 'INTERNAL is the only mechanism');
    const whole = await context.urls.authorize(context.account, url);
    if (whole === undefined)
      throw new ImapRefusal('BAD', undefined, 'That is no URL of a message that you can authorize');
    authorized.push(wireString(whole));
  }
  context.untagged(`GENURLAUTH ${authorized.join(' ')}`);
  return ok('GENURLAUTH completed');
};

export const urlFetch: ExecutorOf<'URLFETCH'> = async ({ urls }, context) => {
  for (const url of urls) await tellContent(url, context);
  return ok('URLFETCH completed');
};

export const resetKey: ExecutorOf<'RESETKEY'> = async ({ mailbox }, context) => {
  const { urls, account, names } = context;
  if (mailbox === undefined) {
    await urls.keys.resetAll(account);
    return ok('All keys are gone');
  }
  const { folder } = requireRight(await names.locate(mailbox), 'l');
  // RFC 4467 §7: what is asked for beside INTERNAL, which there always is, is left out of the answer.
  await urls.keys.reset(account, folder);
  return ok('There is a new key', 'URLMECH INTERNAL');
};

// RFC 4467 §8: NIL for whatever is not there or may not be had, without a reason.
async function tellContent(url: string, context: CommandContext): Promise<void> {
  const literal = await contentOf(url, context);
  const name = `* URLFETCH ${wireString(url)} `;
  if (literal === undefined) return context.raw(`${name}NIL\r\n`);
  context.raw(`${name}{${literal.octets}}\r\n`);
  for await (const piece of literal.pieces()) {
    context.raw(piece);
    const room = context.room();
    if (room !== undefined) await room;
  }
  context.raw('\r\n');
}

async function contentOf(url: string, context: CommandContext): Promise<Literal | undefined> {
  const { account, log } = context;
  try {
    const redeemed = await context.urls.redeem({ account, as: 'reader' }, url);
    if (redeemed.kind === 'content') return redeemed.literal;
    log.info('url not redeemed', { account, reason: redeemed.kind });
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    log.error('content-damaged', { during: 'URLFETCH', account, error: error.message });
  }
  return undefined;
}
