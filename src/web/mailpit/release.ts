// POST /api/v1/message/{ID}/release: sends a caught message to real addresses.

import { z } from 'zod';
import { ReleaseError, releaseCaught, releasedMax } from '../../inbox/release.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { checked, contentOf, jsonOf, mailFor, oneOf, plainly } from './asked.ts';

const asked = z.object({ To: z.array(z.string()).min(1).max(releasedMax) });

export function releasePaths(parts: CatcherParts) {
  return (app: WebApp): void => {
    app.post('/api/v1/message/:id/release', async (c) => {
      const mail = await mailFor(parts, true, c, 'mailRelease');
      const read = async () =>
        (await contentOf(mail, await oneOf(mail, c, c.req.param('id')))).octets;
      try {
        await releaseCaught(parts, checked(asked, await jsonOf(c)).To, read);
      } catch (error) {
        if (error instanceof ReleaseError) throw plainly(400, `${error.message}\n`);
        throw error;
      }
      return c.text('ok');
    });
  };
}
