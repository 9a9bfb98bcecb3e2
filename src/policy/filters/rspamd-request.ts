// One message shown to rspamd (/checkv2), with what is known of where it came from.

import type { BodyInPieces, HttpRequest, HttpResponse } from '../../net/http-request.ts';
import type { RspamdVerdict } from './rspamd-verdict.ts';
import { parseRspamdVerdict } from './rspamd-verdict.ts';

export interface RspamdServer {
  /** `http://127.0.0.1:11333`. */
  readonly url: string;
  readonly password: string | undefined;
  /** For a message, the connection included. */
  readonly messageTimeout: number;
}

export interface RspamdQuestion {
  readonly server: RspamdServer;
  readonly request: (options: HttpRequest) => Promise<HttpResponse>;
  /** Header fields of rspamd's protocol, of which those are sent that have something. */
  readonly about: Readonly<Record<string, string | undefined>>;
  readonly recipients: readonly string[];
  /** The message. */
  readonly body: Uint8Array | BodyInPieces;
}

/** Limits: what rspamd says of one message; recipients that are named to it, since a header has 16 KiB or so. */
const answerBytesMax = 2 ** 20;
const recipientsMax = 200;

/** @throws Error */
export async function askRspamd(question: RspamdQuestion): Promise<RspamdVerdict> {
  const { server, request, about, recipients, body } = question;
  const headers = Object.entries({
    ...about,
    Rcpt: recipients.slice(0, recipientsMax).join(','),
    Password: server.password,
  }).flatMap(([name, value]) => (value ? [[name, ascii(value)] as const] : []));
  const answer = await request({
    url: new URL('/checkv2', server.url),
    ...{ method: 'POST', headers: Object.fromEntries(headers), body },
    ...{ timeoutMs: server.messageTimeout, bytesMax: answerBytesMax },
  });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
  return parseRspamdVerdict(Buffer.from(answer.body).toString());
}

export const ascii = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
