// Who looks at the console, as the server says.

import { signal } from '@preact/signals';
import type { SessionFacts } from '../../src/web/session/session.ts';
import { ask, whenLoggedOut } from './api.ts';

export const session = signal<SessionFacts | undefined>(undefined);
/** Why nothing is known of it. */
export const sessionError = signal<string | undefined>(undefined);

export async function loadSession(): Promise<void> {
  try {
    session.value = (await (await ask('/postrider/session')).json()) as SessionFacts;
    sessionError.value = undefined;
  } catch (error) {
    sessionError.value = error instanceof Error ? error.message : String(error);
  }
}

export async function logOut(): Promise<void> {
  try {
    await ask('/postrider/session', { method: 'DELETE' });
  } finally {
    await loadSession();
  }
}

whenLoggedOut(() => {
  if (session.value?.who != null) session.value = { ...session.value, who: null };
});
