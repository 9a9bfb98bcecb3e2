// rspamd as a filter, asked by HTTP (/checkv2): what it says is refused, put into Junk, or marked with fields, and
// what it says it for is recorded. One request for each message; what is too large is not shown to it.

import { messageOf } from '../../base/error-text.ts';
import { formatMailbox } from '../../mail/fields/address.ts';
import { HeaderEdit } from '../../mail/header/header-edit.ts';
import type { HttpRequest, HttpResponse } from '../../net/http-request.ts';
import type { Detail } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Content } from '../../store/content.ts';
import { prefixed, storedSize } from '../../store/content.ts';
import type { IprevVerdict } from '../../trust/iprev.ts';
import type { Envelope } from '../envelope.ts';
import type { Draft, FilterAnswer, Policy } from '../policy.ts';
import type { FilterReports, FilterSettings } from './filter.ts';
import { concerns, deferredByFilter, FilterVoice, refusedByFilter } from './filter.ts';
import { ascii, askRspamd, type RspamdServer } from './rspamd-request.ts';
import type { RspamdVerdict } from './rspamd-verdict.ts';

export interface RspamdSettings extends FilterSettings, RspamdServer {
  /** Octets of a message; larger ones are not looked at. */
  readonly largest: number;
}

export interface RspamdParts {
  readonly settings: RspamdSettings;
  readonly request: (options: HttpRequest) => Promise<HttpResponse>;
  readonly reports: FilterReports;
  readonly hostname: () => string;
  /** The name of an address in the DNS; within a moment. */
  readonly reverseOf: (address: string) => Promise<IprevVerdict>;
}

export function rspamd(parts: RspamdParts): Policy {
  const { settings, reports } = parts;
  const voice = new FilterVoice(settings, reports);
  return {
    name: settings.name,
    async filter(envelope, draft) {
      if (!concerns(settings, envelope.client)) return undefined;
      if (storedSize(draft.arrival.content) > settings.largest)
        return { findings: [voice.said('accepted', 'not looked at', ['too large'])] };
      try {
        return answerTo(await ask(envelope, draft, parts), draft, voice);
      } catch (error) {
        return voice.failed(messageOf(error));
      }
    },
  };
}

async function ask(envelope: Envelope, draft: Draft, parts: RspamdParts): Promise<RspamdVerdict> {
  const { settings, request, hostname, reverseOf } = parts;
  const { client, sender, recipients } = envelope;
  return askRspamd({
    ...{ server: settings, request, body: wholeOf(draft) },
    recipients: recipients.map(({ named }) => formatMailbox(named)),
    about: {
      IP: client.remote.address,
      Helo: client.hello,
      Hostname: (await reverseOf(client.remote.address)).name,
      From: sender === null ? '<>' : formatMailbox(sender),
      User: client.account,
      'Queue-Id': draft.id,
      'MTA-Name': hostname(),
      'TLS-Version': client.tls?.protocol,
      'TLS-Cipher': client.tls?.cipher,
    },
  });
}

/** What is large is read as rspamd takes it: many clients may send as large a message at once. */
function wholeOf({ above, below, arrival }: Draft): Content | Uint8Array {
  const whole = prefixed(Buffer.from(above + below), arrival.open());
  return whole.bytes ?? whole;
}

/** Limit: rules that a finding tells of. */
const symbolsMax = 8;

function answerTo(verdict: RspamdVerdict, draft: Draft, voice: FilterVoice): FilterAnswer {
  const { action, score, required, rules } = verdict;
  const counted = rules.filter((rule) => rule.score !== 0).slice(0, symbolsMax);
  const why = [
    `${score} of ${required} points`,
    ...counted.map((rule) => `${rule.name} ${rule.score}`),
  ];
  switch (action) {
    case 'reject':
      return voice.refuses(saying(550, verdict) ?? refusedByFilter, why);
    case 'soft reject':
      return voice.refuses(saying(451, verdict) ?? deferredByFilter, why);
    case 'discard':
      return { discarded: true, findings: [voice.said('discarded', action, why)] };
    case 'quarantine':
      return { ...marked(verdict, draft), held: true, findings: [voice.said('held', action, why)] };
    case 'add header':
    case 'rewrite subject':
      return { ...marked(verdict, draft), findings: [voice.said('junk', action, why)] };
    default:
      // `greylist` is rspamd's own affair: where it can, it says `soft reject`.
      return { ...marked(verdict, draft), findings: [voice.said('accepted', action, why)] };
  }
}

/** In rspamd's words; a status in front of them is taken for what it is. */
function saying(code: number, { message }: RspamdVerdict) {
  if (message === undefined) return undefined;
  const [, detail, text] = /^(?:[45]\.(\d{1,3}\.\d{1,3}) )?(.*)$/.exec(ascii(message)) ?? [];
  return reply(code, (detail ?? '7.1') as Detail, (text ?? '').slice(0, 400));
}

function marked({ action, fields, removed, subject }: RspamdVerdict, draft: Draft): FilterAnswer {
  const { above, below, arrival } = draft;
  const edit = new HeaderEdit({ above, below, head: arrival.head.subarray(0, arrival.header.end) });
  const value = (text: string) => Buffer.from(` ${text}`);
  for (const { name, index } of removed) {
    if (index > 0) edit.change(index, name, undefined);
    else edit.remove(name);
  }
  if (action === 'add header' && fields.every(({ name }) => name.toLowerCase() !== 'x-spam'))
    edit.append('X-Spam', value('Yes'));
  if (action === 'rewrite subject' && subject !== undefined)
    edit.change(1, 'Subject', value(subject));
  for (const { name, value: text, order } of fields)
    if (order === undefined) edit.append(name, value(text));
    else edit.insert(order, name, value(text));
  return edit.result();
}
