// `postrider dev`: what catches mail, beside the server itself. Made once; a server that is no catcher has none.

import type { CatcherDesk, CheckDesk } from '../admin/desks.ts';
import { unreachable } from '../base/assert.ts';
import { version } from '../base/version.ts';
import type { CatcherSettings } from '../config/catcher.ts';
import type { CatcherRules } from '../deliver/local/local.ts';
import { sendMail } from '../deliver/send-mail/send-mail.ts';
import { arrivingTags } from '../inbox/arriving-tags.ts';
import { AwaitedMail } from '../inbox/awaited-mail.ts';
import { Caps } from '../inbox/caps.ts';
import { CaughtMail } from '../inbox/caught-mail.ts';
import { type CaughtEvent, CaughtNews } from '../inbox/caught-news.ts';
import { OwnInboxes } from '../inbox/own-inboxes.ts';
import { dropFields } from '../mail/header/dropped-fields.ts';
import { Chaos } from '../policy/chaos.ts';
import type { Stores } from '../store/stores.ts';
import type { EventHub, News } from '../watch/event-hub.ts';
import type { ApiParts } from '../web/api.ts';
import type { CatcherParts } from '../web/mailpit/asked.ts';
import type { BasicLoginParts } from './basic-login.ts';
import { basicLogin } from './basic-login.ts';
import type { Basics } from './basics.ts';

export interface CatcherOptions extends Pick<Basics, 'clock' | 'random' | 'log'> {
  readonly settings: CatcherSettings;
  readonly stores: Pick<Stores, 'folders' | 'spool'>;
  readonly hostname: string;
}

export interface CatcherPathParts
  extends Pick<ApiParts, 'asking'>,
    Pick<BasicLoginParts, 'admission' | 'metrics'> {
  readonly checks: CheckDesk;
}

/** After the start, when there is less to do. */
const firstLookMs = 1_500;

export class Catcher implements AsyncDisposable {
  readonly #options: CatcherOptions;
  readonly #endFirstLook: () => void;
  readonly #caps: Caps;
  readonly #awaited: AwaitedMail;
  readonly news: CaughtNews;
  readonly chaos: Chaos;
  readonly inboxes: OwnInboxes;
  readonly rules: CatcherRules;

  constructor(options: CatcherOptions) {
    const { settings, stores, hostname, clock, random, log } = options;
    const { folders, spool } = stores;
    this.#options = options;
    this.chaos = new Chaos({ triggers: settings.chaos, clock, random });
    this.inboxes = new OwnInboxes(settings.inboxes, hostname);
    this.#awaited = new AwaitedMail({ folders, clock });
    this.news = new CaughtNews({ folders, spool, clock, log });
    this.#caps = new Caps({ ...settings, folders, clock, log });
    this.#endFirstLook = clock.after(firstLookMs, () => this.#firstLook());
    this.rules = {
      inboxOf: ({ origin }) =>
        origin.account === undefined ? undefined : this.inboxes.inboxOf(origin.account),
      flagsOf: arrivingTags,
    };
  }

  /** What happens to mail goes to those who listen, while there are any. */
  tellTo(hub: EventHub): void {
    let stop: Promise<() => void> | undefined;
    hub.onInterest(() => {
      if (hub.isHeard('mail') === (stop !== undefined)) return;
      void stop?.then((end) => end());
      stop =
        stop === undefined
          ? this.news.listen((event) => {
              const told = mailNews(event);
              if (told !== undefined)
                hub.tell('mail', {
                  at: new Date(this.#options.clock.now()).toISOString(),
                  ...told,
                });
            })
          : undefined;
    });
  }

  get desk(): CatcherDesk {
    const { relay } = this.#options.settings;
    return {
      relay: relay && `${relay.host}:${relay.port}`,
      release: (octets, from, to) => release(relay, { octets, from, to }),
      passwordOf: (address) => this.inboxes.passwordOf(address),
    };
  }

  /** What the APIs of catchers are made of. */
  paths({ asking, checks, ...admitting }: CatcherPathParts): CatcherParts {
    const { stores, clock, log } = this.#options;
    const now = () => clock.now();
    return {
      ...{ asking, version, now, ...checks, ...this.desk },
      mail: (account) =>
        new CaughtMail({ ...{ folders: stores.folders, spool: stores.spool }, account, now }),
      ...{ awaited: this.#awaited, news: this.news, clock },
      chaos: this.chaos,
      login: basicLogin({
        ...{ ...admitting, clock, log },
        authenticator: {
          verifyPassword: async (user, password) => this.inboxes.verify(user, password),
          mayActAs: async (account, wanted) => account === wanted,
        },
      }),
    };
  }

  /** A search reads what the next ones have then: 100,000 messages' words, which nobody is to wait for. */
  #firstLook(): void {
    const everybody = { account: undefined, folder: undefined, start: 0, limit: 1 };
    const terms = [{ kind: 'text', text: 'sought by nobody', not: false }] as const;
    // Where it fails, whoever asks next hears of it.
    this.#options.stores.folders.mails({ ...everybody, terms }).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#endFirstLook();
    return this.#caps[Symbol.asyncDispose]();
  }
}

function mailNews(event: CaughtEvent): (Omit<News, 'at'> & { readonly event: string }) | undefined {
  switch (event.kind) {
    case 'received':
    case 'changed':
      return { event: `mail.${event.kind}`, address: event.mail.account, id: event.mail.id };
    case 'deleted':
      return { event: 'mail.deleted', address: event.account, id: event.id };
    case 'many':
      return { event: 'mail.changed' };
    case 'counted':
      return undefined;
    default:
      return unreachable(event);
  }
}

interface Released {
  readonly octets: Buffer;
  readonly from: string;
  readonly to: readonly string[];
}

/** @throws Error, also where some recipients are refused */
async function release(
  relay: CatcherSettings['relay'],
  { octets, from, to }: Released,
): Promise<void> {
  if (relay === undefined) throw new Error('nothing is released here');
  const { user, password, ...place } = relay;
  const { refused } = await sendMail({
    ...place,
    ...(user !== undefined && { auth: { user, password } }),
    ...{ from, to },
    // Trace of our own, and what others are not to see.
    message: dropFields(octets, ['return-path', 'delivered-to', 'bcc']),
  });
  if (refused.length > 0)
    throw new Error(`refused there: ${refused.map(({ address }) => address).join(', ')}`);
}
