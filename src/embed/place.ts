// Where an SmtpServer listens: one that is not said as it is meant is nowhere else instead.

import { InputError, refuseUnknown } from '../base/input-error.ts';

export interface Place {
  /** Default: 0, a free one. The environment has them as text. */
  port?: number | string | undefined;
  /** Default: '127.0.0.1'. */
  host?: string | undefined;
  /** A Unix socket, in place of port and host. */
  path?: string | undefined;
}

/** The port that is meant. @throws InputError */
export function portWhere(where: Place): number {
  refuseUnknown(where, ['port', 'host', 'path'], 'listen');
  checkPlace(where);
  return portOf(where.port);
}

/** An empty name of a variable that is not set would be every interface there is. @throws InputError */
function checkPlace(where: { readonly host?: unknown; readonly path?: unknown }): void {
  for (const [name, what] of [
    ['host', "must be a name or an address, '::' for all of them"],
    ['path', 'must be the path of a Unix socket'],
  ] as const) {
    const value = where[name];
    if (value !== undefined && (typeof value !== 'string' || value === '' || value.includes('\0')))
      throw new InputError('INVALID_OPTION', `listen.${name}`, what);
  }
}

function portOf(given: number | string = 0): number {
  const port = typeof given === 'string' && /^\d{1,5}$/.test(given) ? Number(given) : given;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535)
    return port;
  throw new InputError('INVALID_OPTION', 'listen.port', 'must be a number from 0 to 65535');
}
