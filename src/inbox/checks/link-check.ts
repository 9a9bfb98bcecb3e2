// Whether the links of a message lead somewhere: each is asked for by HEAD, and by GET where a server does not like
// that. Whoever wrote the message chose them, so nothing of a private network is asked unless that is allowed, at each
// step of a redirect, by the address of the moment. A link may do something when it is followed, such as unsubscribe
// somebody: this runs only when somebody asks.

import type { Clock } from '../../base/clock.ts';
import type { HttpRequest, HttpResponse } from '../../net/http-request.ts';
import { HttpError, statusWords } from '../../net/http-request.ts';
import { isPublicAddress } from '../../net/public-address.ts';
import type { ShownMessage } from '../shown-message.ts';
import type { MessageLink } from './links.ts';

export interface CheckedLink extends MessageLink {
  /** Of HTTP; 0 where there was no answer, 451 where its address is none that may be asked. */
  readonly status: number;
  /** `Not Found`, or why there was no answer. */
  readonly words: string;
  /** Where redirects led, one after the other. */
  readonly redirects: readonly string[];
}

export interface LinkCheck {
  readonly links: readonly CheckedLink[];
  /** Some were left out: there are too many, or one is too long. */
  readonly more: boolean;
}

export interface LinkCheckerParts {
  readonly request: (options: HttpRequest) => Promise<HttpResponse>;
  /** Whether links may lead into private networks. */
  readonly allowPrivate: boolean;
  readonly clock: Pick<Clock, 'now'>;
}

export interface LinkCheckOptions {
  readonly followRedirects: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Limits: for one link, with all its redirects; for all of a message, which an answer may take less than a minute for. */
const linkMs = 10_000;
const messageMs = 45_000;
/** Limit: links that are asked for at once. */
const atOnce = 8;
/** Limit: messages that are looked at, at once. */
const messagesMax = 4;
export const redirectsMax = 5;

export class LinkChecker {
  readonly #parts: LinkCheckerParts;
  #running = 0;

  constructor(parts: LinkCheckerParts) {
    this.#parts = parts;
  }

  /** Undefined while too many messages are looked at already. */
  async check(
    message: Pick<ShownMessage, 'html' | 'text'>,
    options: LinkCheckOptions,
  ): Promise<LinkCheck | undefined> {
    // A parser of HTML, and all entities: for those who check links alone.
    const { linksOf } = await import('./links.ts');
    if (this.#running >= messagesMax) return undefined;
    this.#running += 1;
    const { links, more } = linksOf(message);
    const end = this.#parts.clock.now() + messageMs;
    const checked: CheckedLink[] = [];
    let next = 0;
    const work = async () => {
      for (let i = next; i < links.length; i = next) {
        next = i + 1;
        checked[i] = await this.#checked(links[i]!, options, end);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(atOnce, links.length) }, work));
      return { links: checked, more };
    } finally {
      this.#running -= 1;
    }
  }

  async #checked(link: MessageLink, options: LinkCheckOptions, end: number): Promise<CheckedLink> {
    const { clock } = this.#parts;
    const deadline = Math.min(end, clock.now() + linkMs);
    const redirects: string[] = [];
    let url = link.url;
    try {
      for (;;) {
        const { status, headers } = await this.#status(url, deadline, options.signal);
        const next = options.followRedirects ? redirectOf(status, headers, url) : undefined;
        if (next === undefined) return { ...link, status, words: statusWords(status), redirects };
        if (redirects.length >= redirectsMax)
          return { ...link, status: 0, words: 'too many redirects', redirects };
        redirects.push(next);
        url = next;
      }
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const status = error.kind === 'not-allowed' ? 451 : 0;
      const words = status === 451 ? 'a private address is not asked' : error.message;
      return { ...link, status, words, redirects };
    }
  }

  async #status(url: string, deadline: number, signal?: AbortSignal): Promise<HttpResponse> {
    const { request, clock, allowPrivate } = this.#parts;
    const ask = (method: 'HEAD' | 'GET') => {
      const timeoutMs = deadline - clock.now();
      if (timeoutMs <= 0) throw new HttpError('timeout', 'there was no time left for it');
      return request({
        ...{ url, method, timeoutMs, signal, bytesMax: 0, bodyUnread: true },
        ...(!allowPrivate && { allows: isPublicAddress }),
      });
    };
    try {
      const answer = await ask('HEAD');
      if (!unliked.has(answer.status)) return answer;
    } catch (error) {
      if (!(error instanceof HttpError) || error.kind !== 'protocol') throw error;
    }
    return ask('GET');
  }
}

/** Field: what servers say to HEAD that would answer GET. */
const unliked: ReadonlySet<number> = new Set([400, 403, 404, 405, 406, 500, 501, 503]);

const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** RFC 9110 §10.2.2 */
function redirectOf(
  status: number,
  headers: HttpResponse['headers'],
  from: string,
): string | undefined {
  const location = headers.get('location');
  if (location === undefined || !redirecting.has(status)) return undefined;
  const url = URL.parse(location, from);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : undefined;
}
