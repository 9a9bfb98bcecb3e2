// What Mailpit says of itself.

import { tagName } from '../../inbox/tags.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { mailFor } from './asked.ts';

export function applicationPaths(parts: CatcherParts) {
  const started = parts.now();
  return (app: WebApp): void => {
    app.get('/livez', (c) => c.text('ok'));
    app.get('/api/v1/info', async (c) => {
      const mail = await mailFor(parts, false, c);
      const { all, tags } = await mail.page([], 0, 0);
      return c.json({
        ...{ Version: parts.version, LatestVersion: parts.version, Database: '', DatabaseSize: 0 },
        ...{ Messages: all.messages, Unread: all.unseen },
        Tags: Object.fromEntries([...tags].map(([keyword, count]) => [tagName(keyword), count])),
        RuntimeStats: {
          Uptime: Math.floor((parts.now() - started) / 1000),
          Memory: process.memoryUsage().rss,
          ...{ MessagesDeleted: 0, SMTPAccepted: 0, SMTPAcceptedSize: 0, SMTPRejected: 0 },
          SMTPIgnored: 0,
        },
      });
    });
    app.get('/api/v1/webui', async (c) => {
      await mailFor(parts, false, c);
      return c.json({
        Label: '',
        MessageRelay: {
          ...{
            Enabled: parts.relay !== undefined,
            SMTPServer: parts.relay ?? '',
            ReturnPath: '',
            AllowedRecipients: '',
          },
          ...{ BlockedRecipients: '', OverrideFrom: '', PreserveMessageIDs: true },
          RecipientAllowlist: '',
        },
        ...{ SpamAssassin: parts.spam() !== undefined, ChaosEnabled: true },
        ...{ DuplicatesIgnored: false, HideDeleteAllButton: false },
      });
    });
  };
}
