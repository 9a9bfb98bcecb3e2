// Mailpit's API v1, for programs that were written against it, and MailHog's v2: learnt from what they answer, and
// tested with the clients that people use. Differences are in docs/catching.md.

import type { WebApp } from '../web-app.ts';
import { applicationPaths } from './application.ts';
import type { CatcherParts } from './asked.ts';
import { chaosPaths } from './chaos.ts';
import { checkPaths } from './checks.ts';
import { eventPaths } from './events.ts';
import { mailhogPaths } from './mailhog.ts';
import { messagePaths } from './message.ts';
import { messageListPaths } from './messages.ts';
import { releasePaths } from './release.ts';

export function mailpitPaths(parts: CatcherParts) {
  return (app: WebApp): void => {
    const all = [
      applicationPaths,
      messageListPaths,
      messagePaths,
      chaosPaths,
      mailhogPaths,
      releasePaths,
      checkPaths,
      eventPaths,
    ];
    for (const add of all) add(parts)(app);
  };
}
