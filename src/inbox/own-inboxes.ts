// Inboxes of `postrider dev` with logins of their own: what is sent with such a login lies in that inbox, whoever it
// is for, and nobody else's login shows it.

import { createHash, timingSafeEqual } from 'node:crypto';

export class OwnInboxes {
  readonly #passwords: ReadonlyMap<string, string>;
  readonly #domain: string;

  /** `passwords` by name; the inbox is `name@domain`. */
  constructor(passwords: ReadonlyMap<string, string>, domain: string) {
    this.#passwords = new Map(
      [...passwords].map(([name, password]) => [name.toLowerCase(), password]),
    );
    this.#domain = domain;
  }

  get isEmpty(): boolean {
    return this.#passwords.size === 0;
  }

  /** The inbox of a user; undefined where it has no login of its own. */
  inboxOf(user: string): string | undefined {
    const [lower, end] = [user.toLowerCase(), `@${this.#domain.toLowerCase()}`];
    const name = lower.endsWith(end) ? lower.slice(0, -end.length) : lower;
    return this.#passwords.has(name) ? `${name}@${this.#domain}` : undefined;
  }

  /** Of an inbox that has one. */
  passwordOf(inbox: string): string | undefined {
    const own = this.inboxOf(inbox);
    return own === undefined ? undefined : this.#passwords.get(own.slice(0, own.lastIndexOf('@')));
  }

  /** The inbox, if the password is right; undefined also where it has no login of its own. */
  verify(user: string, password: string): string | undefined {
    const [inbox, expected] = [this.inboxOf(user), this.passwordOf(user)];
    if (expected === undefined) return undefined;
    return timingSafeEqual(digest(password), digest(expected)) ? inbox : undefined;
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
