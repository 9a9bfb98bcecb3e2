// Who is connected, over all services.

import type { SessionDesk } from '../admin/desks.ts';
import type { Listeners } from './listeners.ts';

export const openServices = (listeners: Pick<Listeners, 'serving'>): SessionDesk => ({
  list: () =>
    listeners.serving
      .flatMap(({ service, name }) =>
        (service.sessions?.() ?? []).map((session) => ({ ...session, service: name })),
      )
      .sort((a, b) => a.since - b.since),
  end: (id) => listeners.serving.some(({ service }) => service.endSession?.(id) === true),
});
