// One listener's MTQP service (RFC 3887): makes a conversation of each connection, and asks whoever knows
// where messages are.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import { logOfSession } from '../../base/log.ts';
import type { TrackedMessage } from '../../mail/status/tracking-status.ts';
import { formatTracking } from '../../mail/status/tracking-status.ts';
import type { MtqpEvent, MtqpFacts, TrackQuestion } from '../../mtqp/session.ts';
import { MtqpSession } from '../../mtqp/session.ts';
import { ClientWait, endAfter, endsNow } from '../../net/client-wait.ts';
import type { Peer } from '../../net/peer.ts';
import type { PeerServiceParts, ServiceConversation } from '../../net/service.ts';
import { PeerService } from '../../net/service.ts';
import { startTlsAfter } from '../../net/start-tls.ts';
import type { Refusals } from '../../policy/refusals.ts';

export interface MtqpServiceParts extends Pick<PeerServiceParts, 'connections' | 'random'> {
  /** Asked for each connection. */
  readonly settings: () => Omit<MtqpFacts, 'secure'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly find: (envid: string, secret: Uint8Array) => Promise<readonly TrackedMessage[]>;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps a record of who was turned away. */
  readonly refusals: Pick<Refusals, 'note'>;
}

export function createMtqpService(parts: MtqpServiceParts): PeerService {
  const { connections, random, refusals } = parts;
  return new PeerService({
    ...{ connections, random },
    converse: (peer, session) => new MtqpConversation(parts, peer, session),
    turnAway(client, objection) {
      if (objection !== 'stopping')
        refusals.note({ service: 'mtqp', client, stage: 'connect', reason: objection.lines[0] });
      // RFC 3887 §3
      return '-TEMP/MTQP/unavailable Try again later\r\n';
    },
  });
}

class MtqpConversation implements ServiceConversation {
  readonly #parts: MtqpServiceParts;
  readonly #session: MtqpSession;
  readonly #log: Log;
  readonly #wait: ClientWait;
  #peer: Peer;
  #stopping = false;

  constructor(parts: MtqpServiceParts, peer: Peer, session: string) {
    this.#parts = parts;
    this.#peer = peer;
    this.#log = logOfSession(parts.log, session);
    this.#wait = new ClientWait(parts.clock);
    this.#session = new MtqpSession({ ...parts.settings(), secure: peer.tls !== undefined });
  }

  async run(): Promise<void> {
    try {
      while (await this.#step(this.#session.next()));
      await this.#peer.end();
    } catch (error) {
      this.#log.debug('connection lost', { error: stackOf(error) });
    } finally {
      this.#peer.destroy();
    }
  }

  /** Says so and ends where nothing is asked, otherwise after the answer. */
  shutdown(): void {
    this.#stopping = true;
    if (!this.#wait.waiting) return;
    this.#session.shuttingDown();
    endAfter(this.#flush(), this.#peer);
  }

  destroy(): void {
    this.#peer.destroy();
  }

  /** False when the conversation is over. */
  async #step(event: MtqpEvent): Promise<boolean> {
    switch (event.kind) {
      case 'track':
        await this.#track(event);
        return true;
      case 'need-input':
        return this.#exchange();
      case 'starttls':
        this.#peer = await startTlsAfter(this.#flush(), this.#peer, this.#parts.startTls);
        this.#session.tlsStarted();
        return true;
      case 'close':
        await this.#flush();
        return false;
    }
  }

  async #track({ envid, secret }: TrackQuestion): Promise<void> {
    const { find, random } = this.#parts;
    try {
      const found = await find(envid, secret);
      const boundary = `=_${random.bytes(12).toString('hex')}`;
      this.#session.answer(found.length === 0 ? undefined : formatTracking(found, boundary));
    } catch (error) {
      this.#log.error('unforeseen failure', { during: 'track', error: stackOf(error) });
      this.#session.unavailable();
    }
  }

  async #exchange(): Promise<boolean> {
    const session = this.#session;
    this.#wait.release(this.#peer);
    await this.#flush();
    if (endsNow(session, this.#stopping)) {
      await this.#flush();
      return false;
    }
    const said = await this.#wait.read(this.#peer, session);
    // It has hung up, or its time is over.
    if (typeof said !== 'object') return false;
    session.receive(said);
    return true;
  }

  #flush(): Promise<void> {
    const output = this.#session.output();
    const sent = output === '' ? undefined : this.#peer.write(output, this.#session.timeoutMs);
    return sent ?? Promise.resolve();
  }
}
