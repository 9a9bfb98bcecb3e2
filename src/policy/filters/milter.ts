// A milter as a policy: it sees a client from its connection on, each transaction as it comes, and the message when
// all policies have agreed, and says at each step whether to go on.

import type { ClientFacts } from '../envelope.ts';
import type { Policy } from '../policy.ts';
import { concerns, FilterVoice } from './filter.ts';
import type { Gate, MilterParts } from './milter-client.ts';
import { ClientAtMilter } from './milter-client.ts';

export function milter(parts: MilterParts): Policy {
  const { settings } = parts;
  const voice = new FilterVoice(settings, parts.reports);
  const clients = new Map<string, ClientAtMilter>();
  const of = ({ session }: ClientFacts) => clients.get(session);
  const gate: Gate = { closedUntil: 0, problem: '' };
  const begin = ({ session }: ClientFacts) => {
    const known = new ClientAtMilter(parts, { voice, gate });
    clients.set(session, known);
    const release = () => {
      if (clients.get(session) === known) clients.delete(session);
      known.close();
    };
    return { known, reservation: { release } };
  };
  return {
    name: settings.name,
    async connect(client) {
      const { known, reservation } = begin(client);
      // Whose mail it will hardly see need not wait for it now.
      const isLikely =
        settings.mail === 'all' ||
        (settings.mail === 'submitted') === (client.service === 'submission');
      return { ...(isLikely && (await known.connect(client))), reservation };
    },
    hello: (client) => of(client)?.hello(client),
    unknown: (client, line) => of(client)?.unknown(line),
    async mail(envelope) {
      const { client } = envelope;
      if (!concerns(settings, client)) return undefined;
      const there = of(client);
      if (there !== undefined) {
        const reservation = { settle: () => there.end(), release: () => there.end() };
        return { ...(await there.mail(envelope)), reservation };
      }
      // Nobody has told of this client's connection: then it lasts as long as the transaction.
      const { known, reservation } = begin(client);
      const ends = { settle: reservation.release, release: reservation.release };
      return { ...(await known.mail(envelope)), reservation: ends };
    },
    rcpt: (envelope, recipient) => of(envelope.client)?.rcpt(envelope, recipient),
    refusedRcpt: (envelope, named, why) => of(envelope.client)?.refusedRcpt(envelope, named, why),
    data: (envelope) => of(envelope.client)?.data(envelope),
    filter: (envelope, draft) => of(envelope.client)?.filter(envelope, draft),
  };
}
