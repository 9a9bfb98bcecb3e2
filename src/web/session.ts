// Who asks, as the console wants to know it before it shows anything.

import type { WebApp } from './web-app.ts';

export interface SessionParts {
  readonly version: string;
  readonly hostname: () => string;
  readonly dev: () => boolean;
  /** Asks without a login: `dev`, from this machine. */
  readonly needsNoToken: (address: string) => boolean;
}

/** Null: nobody we know. */
export type Who =
  | { readonly kind: 'administrator'; readonly name: string; readonly allows: readonly string[] }
  | { readonly kind: 'account'; readonly address: string }
  | { readonly kind: 'dev' }
  | null;

export interface SessionFacts {
  readonly who: Who;
  readonly dev: boolean;
  readonly version: string;
  readonly hostname: string;
  /** Which ways there are to log in. */
  readonly login: {
    readonly password: boolean;
    readonly passkey: boolean;
    readonly oidc?: { readonly name: string } | undefined;
  };
}

export function sessionPaths({ version, hostname, dev, needsNoToken }: SessionParts) {
  return (app: WebApp): void => {
    app.get('/postrider/session', (c) => {
      const facts: SessionFacts = {
        who: needsNoToken(c.env.address) ? { kind: 'dev' } : null,
        dev: dev(),
        ...{ version, hostname: hostname() },
        login: { password: false, passkey: false },
      };
      return c.json(facts);
    });
  };
}
