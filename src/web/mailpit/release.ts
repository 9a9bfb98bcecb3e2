// POST /api/v1/message/{ID}/release: sends a caught message to real addresses, through the relay that whoever started
// the catcher has named. Without one nothing ever leaves, whoever asks.

import { z } from 'zod';
import { authorOf } from '../../inbox/shown-message.ts';
import { formatMailbox, parseMailbox } from '../../mail/fields/address.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { checked, contentOf, jsonOf, mailFor, oneOf, plainly } from './asked.ts';

const asked = z.object({ To: z.array(z.string()).min(1).max(100) });

export function releasePaths(parts: CatcherParts) {
  return (app: WebApp): void => {
    app.post('/api/v1/message/:id/release', async (c) => {
      const mail = await mailFor(parts, true, c);
      if (parts.relay === undefined)
        throw plainly(
          400,
          'nothing leaves this catcher: `postrider dev --relay HOST:PORT` names where messages may be released to\n',
        );
      const { To } = checked(asked, await jsonOf(c));
      const to = To.map((each) => {
        const mailbox = parseMailbox(each);
        if (mailbox === undefined) throw plainly(400, `${each.slice(0, 200)} is no mail address\n`);
        return formatMailbox(mailbox);
      });
      const { octets } = await contentOf(mail, await oneOf(mail, c, c.req.param('id')));
      const author = authorOf(octets);
      if (author === undefined) throw plainly(400, 'No From header found\n');
      try {
        await parts.release(octets, author, to);
      } catch (error) {
        throw plainly(400, `not released: ${error instanceof Error ? error.message : error}\n`);
      }
      return c.text('ok');
    });
  };
}
