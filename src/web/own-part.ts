// What the owner of an account asks for by their session, about their own account alone: operations, and their mail for a
// frame. Whose it is says the session; nothing that is asked can name another.

import type { ApiParts } from './api.ts';
import { operationPaths } from './api.ts';
import type { ApiOperation } from './api-operation.ts';
import type { Asking } from './asking.ts';
import type { MailFrameParts } from './mail-frame.ts';
import { framePaths } from './mail-frame.ts';
import type { WebApp } from './web-app.ts';

export interface OwnPartParts extends Pick<MailFrameParts, 'message' | 'isRefusal' | 'large'> {
  readonly operations: readonly ApiOperation[];
  readonly asking: Pick<Asking, 'account'>;
  /** @throws what `isRefusal` knows */
  readonly call: (name: string, given: unknown, by: AskedBy) => ReturnType<ApiParts['call']>;
}

export interface AskedBy {
  /** The account, by its primary address. */
  readonly who: string;
  /** The address of its client. */
  readonly client: string;
}

export function ownPartPaths({ asking, ...parts }: OwnPartParts) {
  return (app: WebApp): void => {
    operationPaths(app, {
      ...parts,
      under: '/postrider/account/v1',
      whoMay: (c) => asking.account(c),
    });
    framePaths(app, {
      ...parts,
      under: '/postrider/account/mail',
      whose: (c) => asking.account(c),
    });
  };
}
