// Faults by chance, as Mailpit's API shows and sets them.

import { z } from 'zod';
import type { Trigger } from '../../policy/chaos.ts';
import type { WebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { checked, jsonOf, mailFor } from './asked.ts';

const trigger = (usual: number) =>
  z
    .object({
      ErrorCode: z.int().min(0).max(599).default(0),
      Probability: z.int().min(0).max(100).default(0),
    })
    .nullish()
    .transform((given): Trigger => {
      return { code: given?.ErrorCode || usual, percent: given?.Probability ?? 0 };
    })
    .refine(({ code }) => code >= 400, 'error code must be between 400 and 599');

const triggers = z.object({
  Sender: trigger(451),
  Recipient: trigger(451),
  Authentication: trigger(535),
});

export function chaosPaths(parts: CatcherParts) {
  const shown = () => {
    const { sender, recipient, authentication } = parts.chaos.triggers;
    const one = ({ code, percent }: Trigger) => ({ ErrorCode: code, Probability: percent });
    return {
      Sender: one(sender),
      Recipient: one(recipient),
      Authentication: one(authentication),
    };
  };
  return (app: WebApp): void => {
    app.get('/api/v1/chaos', async (c) => {
      await mailFor(parts, false, c);
      return c.json(shown());
    });
    app.put('/api/v1/chaos', async (c) => {
      await mailFor(parts, true, c);
      const { Sender, Recipient, Authentication } = checked(triggers, await jsonOf(c));
      parts.chaos.triggers = {
        sender: Sender,
        recipient: Recipient,
        authentication: Authentication,
      };
      return c.json(shown());
    });
  };
}
