// Whom the rules against abuse are for: clients that came by `smtp`, have not logged in and are in no trusted
// network. Whoever may relay through us has been judged by somebody already.

import type { ClientFacts } from './envelope.ts';

export const isStranger = ({ service, account, trusted }: ClientFacts): boolean =>
  service === 'smtp' && account === undefined && !trusted;
