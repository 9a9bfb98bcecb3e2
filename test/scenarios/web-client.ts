// A browser's part of the console: it asks from our own origin, with the cookie of a session.

import type { TestServer } from '../../src/testing/index.ts';

export interface AskInit {
  readonly cookie?: string;
  /** By POST. */
  readonly body?: unknown;
  /** Default: our own. */
  readonly origin?: string;
}

/** Of a server with an `http` listener. */
export function webClient({ server }: Pick<TestServer, 'server'>) {
  const { port } = server.listeners.find(({ service }) => service === 'http')!;
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string, { cookie = '', body, origin = url }: AskInit = {}) => {
    const answer = await fetch(url + path, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { cookie, origin, 'content-type': 'application/json' },
      redirect: 'manual',
    });
    const text = await answer.text();
    const json = /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(text) : text;
    return { status: answer.status, json, headers: answer.headers };
  };
  const logIn = async (body: object) => {
    const answer = await ask('/postrider/session', { body });
    return { ...answer, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
  };
  return { url, ask, logIn };
}
