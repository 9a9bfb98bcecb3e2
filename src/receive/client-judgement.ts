// What policies say of a client, from the greeting on: of the connection, of TLS, of the name it gives. A client that
// a proxy introduces is judged anew.

import type { Log } from '../base/log.ts';
import type { Objection } from '../policy/answers.ts';
import { Answers } from '../policy/answers.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { Policies } from '../policy/policy.ts';

export interface ClientJudgementParts {
  readonly policies: Pick<Policies, 'connect' | 'secure' | 'hello'>;
  readonly log: Log;
}

export class ClientJudgement {
  readonly #parts: ClientJudgementParts;
  /** About the connection; its end is theirs. */
  #answers: Answers;
  /** What policies have said of TLS, or will. */
  #insecure: Objection | Promise<Objection>;

  constructor(parts: ClientJudgementParts) {
    this.#parts = parts;
    this.#answers = new Answers(parts.log);
  }

  get answers(): Answers {
    return this.#answers;
  }

  async connected(client: ClientFacts, isEncrypted: boolean): Promise<Objection> {
    const { connect } = this.#parts.policies;
    const objection = await this.#answers.ask(connect, (policy) => policy.connect(client));
    if (objection !== undefined) return objection;
    if (isEncrypted) this.secured(client);
    return this.#insecure;
  }

  /** TLS has begun. What is said of it is the answer to whatever comes next. */
  secured(client: ClientFacts): void {
    const { secure } = this.#parts.policies;
    if (secure.length === 0) return;
    const asked = (async () => this.#answers.ask(secure, (policy) => policy.secure(client)))();
    asked.catch(() => {}); // whoever waits for it hears of it
    this.#insecure = asked;
  }

  greeted(client: ClientFacts): Objection | Promise<Objection> {
    const { hello } = this.#parts.policies;
    if (hello.length === 0) return this.#insecure;
    const ask = async () =>
      (await this.#insecure) ?? this.#answers.ask(hello, (policy) => policy.hello(client));
    return ask();
  }

  /** The client is somebody else now, whom nobody has judged yet. */
  begin(): void {
    this.#insecure = undefined;
    this.release();
    this.#answers = new Answers(this.#parts.log);
  }

  /** The connection is gone, and with it whatever was held for it. */
  release(): void {
    this.#answers.release();
  }
}
