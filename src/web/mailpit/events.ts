// /api/events: what happens to caught mail, over a WebSocket, as Mailpit tells it: `new`, `update`, `delete`, `stats`, and
// `prune` for what is too much to be told one by one. Who may read may listen; no page of others may. RFC 6455.

import type { CaughtEvent } from '../../inbox/caught-news.ts';
import { tagName, tagsOf } from '../../inbox/tags.ts';
import { hasFlag } from '../../mailbox/flags.ts';
import type { WebApp } from '../web-app.ts';
import type { OpenWebSocket } from '../web-sockets.ts';
import { type CatcherParts, mailFor, plainly } from './asked.ts';
import { summary } from './shapes.ts';

/** Limits: who listens at once; octets that wait for one who does not read. */
const listenersMax = 200;
const waitingMax = 2 ** 20;
/** How often it is looked whether one is still there and may still listen; one who did not answer by the next look goes. */
const pingMs = 25_000;

export function eventPaths(parts: CatcherParts) {
  let listeners = 0;
  return (app: WebApp): void => {
    app.get('/api/events', async (c) => {
      const may = () => mailFor(parts, false, c);
      const mail = await may();
      const { upgrade } = c.env;
      if (upgrade === undefined)
        return c.text('ask for a WebSocket\n', 426, {
          connection: 'upgrade',
          upgrade: 'websocket',
        });
      if (listeners >= listenersMax) throw plainly(503, 'too many listen already\n');
      upgrade((socket) => {
        // Others may have been quicker since.
        if (listeners >= listenersMax) return socket.terminate();
        listeners += 1;
        socket.once('close', () => {
          listeners -= 1;
        });
        follow(socket, parts, mail.account, may);
      });
      return c.body(null);
    });
  };
}

/** `account`: the inbox whose login asked; undefined: all of them. */
function follow(
  socket: OpenWebSocket,
  { news, clock }: Pick<CatcherParts, 'news' | 'clock'>,
  account: string | undefined,
  may: () => Promise<unknown>,
): void {
  const listening = news.listen((event) => {
    for (const told of toldOf(event, account)) {
      if (socket.bufferedAmount > waitingMax) return socket.terminate();
      socket.send(JSON.stringify(told));
    }
  });
  let isThere = true;
  let cancel = () => {};
  const look = () => {
    if (!isThere) return socket.terminate();
    isThere = false;
    may().catch(() => socket.terminate());
    socket.ping();
    cancel = clock.after(pingMs, look);
  };
  cancel = clock.after(pingMs, look);
  socket.on('pong', () => {
    isThere = true;
  });
  socket.once('close', () => {
    cancel();
    void listening.then((stop) => stop());
  });
}

type Told = { readonly Type: string; readonly Data: unknown };

function toldOf(event: CaughtEvent, account: string | undefined): readonly Told[] {
  switch (event.kind) {
    case 'received':
      return isFor(event.mail, account) ? [{ Type: 'new', Data: summary(event.mail) }] : [];
    case 'changed': {
      const { id: ID, flags } = event.mail;
      const Data = { ID, Read: hasFlag(flags, '\\Seen'), Tags: tagsOf(flags) };
      return isFor(event.mail, account) ? [{ Type: 'update', Data }] : [];
    }
    case 'deleted':
      return account === undefined || event.account === account
        ? [{ Type: 'delete', Data: { ID: event.id } }]
        : [];
    case 'many':
      return [{ Type: 'prune', Data: null }];
    case 'counted': {
      const { all, tags } = event.page;
      const Data = { Total: all.messages, Unread: all.unseen, Tags: [...tags.keys()].map(tagName) };
      // Of all inboxes: whoever has one of them alone asks for its own.
      return account === undefined ? [{ Type: 'stats', Data }] : [];
    }
  }
}

const isFor = (
  { places }: { readonly places: readonly { readonly account: string }[] },
  account: string | undefined,
): boolean => account === undefined || places.some((place) => place.account === account);
