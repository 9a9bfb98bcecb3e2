// Operations on the phones that ask by Exchange ActiveSync: who they are, and what becomes of them.

import { z } from 'zod';
import { CollectionBook } from '../access/activesync/collection-book.ts';
import type { Device } from '../access/activesync/device-book.ts';
import { DeviceBook, deviceKey } from '../access/activesync/device-book.ts';
import { isAtLeast, isVersion } from '../activesync/versions.ts';
import { sought } from './asking.ts';
import { done, list, OperationError, text, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

const device = z.object({
  account: text,
  /** As it names itself. */
  device: text,
  type: text,
  /** Of the protocol. */
  version: text,
  agent: text,
  /** What it says of itself: `Model`, `OS`, `FriendlyName` … */
  facts: z.record(z.string(), z.string()),
  firstSeen: text,
  /** To the hour. */
  lastSeen: text,
  /** `new` has not taken the policies; `wiping` is told to when it asks next. */
  state: z.enum(['new', 'ready', 'blocked', 'wiping', 'wiped']),
});

const one = z.strictObject({ account: sought, device: text });

export const deviceOperations = {
  deviceList: list({
    about: 'The phones that ask by Exchange ActiveSync, of an account or of all.',
    changes: false,
    input: z.strictObject({ account: sought.optional() }),
    output: device,
    run: async function* devices(parts, { account }) {
      const owner = account === undefined ? undefined : await ownerOf(parts, account);
      for (const each of await new DeviceBook(parts).list(owner)) yield shown(each);
    },
  }),
  deviceBlock: value({
    about: 'Lets a phone in no more, or again with `blocked: false`.',
    changes: true,
    input: one.extend({ blocked: z.boolean().optional() }),
    output: done,
    async run(parts, { blocked = true, ...asked }) {
      const { book, found } = await find(parts, asked);
      await book.change(found, { blocked, wiped: blocked ? found.wiped : undefined });
      return null;
    },
  }),
  deviceRemove: value({
    about: 'Forgets a phone and what it knows: when it asks again, it begins anew.',
    changes: true,
    input: one,
    output: done,
    async run(parts, asked) {
      const { book, found } = await find(parts, asked);
      await book.remove(found.account, found.id);
      await new CollectionBook(parts).forget(deviceKey(found.account, found.id));
      return null;
    },
  }),
  deviceWipe: value({
    about:
      'Tells a phone, when it asks next, to delete the account, or with `wholeDevice` everything that it has. `cancel` takes that back.',
    changes: true,
    input: one.extend({
      wholeDevice: z.boolean().optional(),
      cancel: z.boolean().optional(),
    }),
    output: done,
    async run(parts, { wholeDevice = false, cancel = false, ...asked }) {
      const { book, found } = await find(parts, asked);
      const canDoLess = isVersion(found.version) && isAtLeast(found.version, '16.1');
      if (!cancel && !wholeDevice && !canDoLess)
        throw new OperationError(
          `${found.id} speaks ${found.version}, in which a phone can only be wiped whole: say wholeDevice if that is meant`,
        );
      await book.change(found, {
        wipe: cancel ? undefined : wholeDevice ? 'device' : 'account',
        ...(!cancel && { blocked: false, wiped: undefined }),
      });
      return null;
    },
  }),
};

async function ownerOf({ accountOf }: OperationParts, address: string): Promise<string> {
  const account = await accountOf(address);
  if (account === undefined) throw new OperationError(`there is no account ${address}`);
  return account;
}

async function find(parts: OperationParts, { account, device: id }: z.output<typeof one>) {
  const book = new DeviceBook(parts);
  const owner = await ownerOf(parts, account);
  const found = await book.find(owner, id);
  if (found === undefined) throw new OperationError(`${owner} has no device ${id}`);
  return { book, found };
}

function shown({ id, firstSeen, lastSeen, ...each }: Device): z.output<typeof device> {
  const { account, type, version, agent, facts } = each;
  return {
    ...{ account, device: id, type, version, agent, facts, state: stateOf(each) },
    firstSeen: new Date(firstSeen).toISOString(),
    lastSeen: new Date(lastSeen).toISOString(),
  };
}

type State = z.output<typeof device>['state'];

function stateOf({
  blocked,
  wipe,
  wiped,
  policyKey,
}: Pick<Device, 'blocked' | 'wipe' | 'wiped' | 'policyKey'>): State {
  if (wipe !== undefined) return 'wiping';
  if (wiped !== undefined) return 'wiped';
  if (blocked) return 'blocked';
  return policyKey === '0' ? 'new' : 'ready';
}
