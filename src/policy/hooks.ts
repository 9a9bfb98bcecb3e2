// Functions of the operator as a policy: `hooks` in a configuration, and what a program that uses the library gives.
// Each gets a time in which it has to answer, and a signal that tells it when that is over. One that throws, takes
// longer or answers nonsense delays the mail (451) and is a line in the log; it never loses it and never lets it in.

import type { Clock } from '../base/clock.ts';
import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { domainKey, formatMailbox } from '../mail/fields/address.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import type { Reply } from '../smtp/reply.ts';
import { replies, reply } from '../smtp/reply.ts';
import { storedSize } from '../store/content.ts';
import type { ClientFacts, Envelope } from './envelope.ts';
import type { Arrival, Policy, PolicyAnswer } from './policy.ts';

/** undefined accepts; a reply() refuses with its words; to throw is a 451: try again later. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement accepts
export type Verdict = Reply | undefined | void | Promise<Reply | undefined | void>;

export interface HookContext {
  /** Aborted when the answer is not waited for any more. */
  readonly signal: AbortSignal;
}

/** What a hook sees of a message, before it is queued. */
export interface HookMessage {
  /** Octets. */
  readonly size: number;
  /** The value of the first field of that name, on one line, encoded words as they are. */
  header(name: string): string | undefined;
  /** The message as it came, in pieces; may be read again. */
  stream(): AsyncIterable<Uint8Array>;
  /** All of it: mind `size`. */
  raw(): Promise<Buffer>;
}

/** Of the configuration (config/settings/hooks.ts), and of what a program gives (embed/options.ts). */
export interface Hooks {
  readonly onConnect?: ((client: ClientFacts, context: HookContext) => Verdict) | undefined;
  /** TLS is up, at once or by STARTTLS: `client.tls`. A refusal answers the next EHLO. */
  readonly onSecure?: ((client: ClientFacts, context: HookContext) => Verdict) | undefined;
  /** `from` is '' for the null sender. Its domain, and that of `to`, is in lower case and A-labels, however it came. */
  readonly onMail?:
    | ((from: string, envelope: Envelope, context: HookContext) => Verdict)
    | undefined;
  readonly onRecipient?:
    | ((to: Mailbox, envelope: Envelope, context: HookContext) => Verdict)
    | undefined;
  readonly onMessage?:
    | ((message: HookMessage, envelope: Envelope, context: HookContext) => Verdict)
    | undefined;
}

export interface HooksParts {
  readonly hooks: Hooks;
  /** Milliseconds for each call; undefined: as long as it takes. */
  readonly deadline?: number | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
}

export function hooksPolicy({ hooks, deadline, clock, log }: HooksParts): Policy {
  /** In time, or it is a failure like any other. */
  async function call(
    hook: string,
    put: (context: HookContext) => Verdict,
  ): Promise<PolicyAnswer | undefined> {
    const controller = new AbortController();
    const over = Promise.withResolvers<never>();
    const cancel =
      deadline === undefined
        ? undefined
        : clock.after(deadline, () => {
            const error = new Error(`no answer within ${deadline} ms`);
            controller.abort(error);
            over.reject(error);
          });
    try {
      const asked = (async () => put({ signal: controller.signal }))();
      asked.catch(() => {}); // it may fail when nobody waits any more
      return answerOf(await Promise.race([asked, over.promise]));
    } catch (error) {
      log.error('a hook failed', { name: hook, error: stackOf(error) });
      return { objection: replies.localError };
    } finally {
      cancel?.();
    }
  }

  const stages: StageOfHook = {
    onConnect: (ask) => ({
      connect: (client) => call('onConnect', (context) => ask(shownClient(client), context)),
    }),
    onSecure: (ask) => ({
      secure: (client) => call('onSecure', (context) => ask(shownClient(client), context)),
    }),
    onMail: (ask) => ({
      mail: (envelope) =>
        call('onMail', (context) => ask(senderText(envelope), shown(envelope), context)),
    }),
    onRecipient: (ask) => ({
      rcpt: (envelope, { named }) =>
        call('onRecipient', (context) => ask(comparable(named), shown(envelope), context)),
    }),
    onMessage: (ask) => ({
      message: (envelope, arrival) =>
        call('onMessage', (context) => ask(messageOf(arrival), shown(envelope), context)),
    }),
  };
  const asking = (Object.keys(stages) as (keyof Hooks)[]).map((name) => {
    const ask = hooks[name];
    return ask && stages[name](ask as never);
  });
  return Object.assign({ name: 'hooks' }, ...asking);
}

/** The stage at which each is asked: none is left out. */
type StageOfHook = {
  readonly [H in keyof Hooks]-?: (ask: NonNullable<Hooks[H]>) => Omit<Policy, 'name'>;
};

/** All of it its own, as whoever copies or prints it expects; asked for when somebody looks. For the same client the same. */
export const shownClient = onceForEach(
  (client: ClientFacts): ClientFacts =>
    Object.defineProperties(
      { ...client },
      {
        local: { enumerable: true, get: () => client.local },
        hasSpoken: { enumerable: true, get: () => client.hasSpoken },
      },
    ),
);

const shown = onceForEach(
  (envelope: Envelope): Envelope => ({ ...envelope, client: shownClient(envelope.client) }),
);

/** So that a program finds again what it keeps by the object. */
function onceForEach<T extends object>(make: (one: T) => T): (one: T) => T {
  const made = new WeakMap<T, T>();
  return (one) => {
    let it = made.get(one);
    if (it === undefined) {
      it = make(one);
      made.set(one, it);
    }
    return it;
  };
}

const wanted = 'a hook gives undefined, or a reply() of 4yz or 5yz';

/** What a hook said, as policies say it. @throws as replyOf(), and TypeError for a reply that accepts */
function answerOf(said: Awaited<Verdict>): PolicyAnswer | undefined {
  const objection = replyOf(said);
  if (objection !== undefined && objection.code < 400) throw new TypeError(wanted);
  return objection && { objection };
}

/**
 * The reply of a function of the operator's or a program's, which may accept in words of its own (2yz); undefined: it accepts.
 * @throws TypeError for what is neither a Reply nor nothing; AssertionError for a Reply made by hand that reply() would not make.
 */
export function replyOf(said: Awaited<Verdict>): Reply | undefined {
  if (said === undefined || said === null) return undefined;
  const { code, detail, lines } = said as Partial<Reply>;
  if (typeof code !== 'number' || (code >= 300 && code < 400) || !Array.isArray(lines))
    throw new TypeError(wanted);
  return reply(code, detail, ...(lines as Reply['lines']));
}

const senderText = ({ sender }: Envelope): string =>
  sender === null ? '' : formatMailbox(comparable(sender));

/** So that a hook which compares domains is not got round by upper case. */
const comparable = ({ local, domain }: Mailbox): Mailbox => ({ local, domain: domainKey(domain) });

function messageOf({ content, open, head, header: { end } }: Arrival): HookMessage {
  const stream = () => open().read();
  return {
    size: storedSize(content),
    header(name) {
      const lowerName = name.toLowerCase();
      const fields = parseHeader(head.subarray(0, end), { names: new Set([lowerName]) });
      return headerValue(fields, lowerName);
    },
    stream,
    raw: async () =>
      Buffer.concat(await Array.fromAsync(stream(), (piece) => Uint8Array.from(piece))),
  };
}
