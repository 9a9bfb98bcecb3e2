// Which host of several is asked: the one that may be written to. An address may name more than one, as libpq has
// it (`postgres://user@a,b:5433/db?target_session_attrs=read-write`), and after a failover it is another one.
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS

import { StoreOpenError } from '../open-error.ts';

/** Shared by all connections of a process: what one of them finds out spares the others the search. */
export class Hosts {
  /** One address for each host, in the order in which they were named. */
  readonly urls: readonly string[];
  /** A host that cannot be written to is none of ours. */
  readonly isChosen: boolean;
  #current = 0;

  /** @throws StoreOpenError */
  constructor(url: string) {
    const { urls, attributes } = hostsOf(url);
    this.urls = urls;
    this.isChosen = urls.length > 1 || (attributes !== undefined && attributes !== 'any');
  }

  /** The address to be asked now. */
  get current(): string {
    return this.urls[this.#current]!;
  }

  /** It does not answer, or may not be written to: the next one is asked from now on, if nobody has found that before. */
  failed(url: string): void {
    if (url === this.current) this.#current = (this.#current + 1) % this.urls.length;
  }
}

/** What a server must be like. Mail is written: whatever says the same may be said. */
const writable: ReadonlySet<string | undefined> = new Set([
  ...[undefined, 'any', 'read-write', 'primary'],
]);

interface Place {
  readonly host: string;
  readonly port: string | undefined;
}

function hostsOf(url: string): { readonly urls: readonly string[]; attributes?: string } {
  const parts = /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(
    url,
  );
  if (parts === null) throw wrong('it is no address of PostgreSQL');
  const [, scheme, user, authority = '', path = '/', query = ''] = parts;
  const params = new URLSearchParams(query);
  const attributes = params.get('target_session_attrs') ?? undefined;
  if (!writable.has(attributes))
    throw wrong('target_session_attrs must be read-write: mail is written');
  const places =
    authority === ''
      ? placesOf(params.get('host'), params.get('port'))
      : authority.split(',').map(placeOf);
  // The usual address is the driver's to read, all of it.
  if (places.length <= 1 && attributes === undefined) return { urls: [url] };
  for (const name of ['target_session_attrs', 'host', 'port']) params.delete(name);
  const before = `${scheme}${user === undefined ? '' : `${user}@`}${path}`;
  return {
    urls: places.map(({ host, port }) => {
      const place = new URLSearchParams({ host, ...(port && { port }) });
      return `${before}?${[place, params].map(String).filter(Boolean).join('&')}`;
    }),
    ...(attributes && { attributes }),
  };
}

/** `host=a,b` with `port=5432,5433`, or one port for all of them. */
function placesOf(hosts: string | null, ports: string | null): readonly Place[] {
  if (hosts === null || hosts === '') return [{ host: '', port: ports ?? undefined }];
  const [names, numbers] = [hosts.split(','), ports?.split(',') ?? []];
  if (numbers.length > 1 && numbers.length !== names.length)
    throw wrong(`it names ${names.length} hosts and ${numbers.length} ports`);
  return names.map((host, i) => ({ host, port: numbers.length > 1 ? numbers[i] : numbers[0] }));
}

/** `db.example.org:5433`, `[2001:db8::1]`, `%2Frun%2Fpostgresql`. RFC 3986 §3.2.2 has the brackets. */
function placeOf(written: string): Place {
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(written);
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined) throw wrong(`it names a host that is none: '${written}'`);
  return { host: decodeURIComponent(host), port: parts?.[3] };
}

/** It does not repeat the address: there may be a password in it. */
const wrong = (what: string): StoreOpenError =>
  new StoreOpenError('no-access', `store.url: ${what}`);
