// Who is connected, over all services.

import type { SessionDesk } from '../admin/desks.ts';
import type { Service } from '../net/service.ts';
import type { ServiceFor } from './service-parts.ts';

export class OpenServices implements SessionDesk {
  readonly #services = new Map<Service, string>();

  /** The services that it makes are looked at, too. */
  watched(serviceFor: ServiceFor): ServiceFor {
    return (spec) => {
      const service = serviceFor(spec);
      this.#services.set(service, spec.service);
      return service;
    };
  }

  list(): ReturnType<SessionDesk['list']> {
    return [...this.#services]
      .flatMap(([one, service]) =>
        (one.sessions?.() ?? []).map((session) => ({ ...session, service })),
      )
      .sort((a, b) => a.since - b.since);
  }

  end(id: string): boolean {
    return [...this.#services.keys()].some((service) => service.endSession?.(id) === true);
  }
}
