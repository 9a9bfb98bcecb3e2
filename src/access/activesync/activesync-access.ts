// What a device asks, answered: whether it may ask at all, then its command. Requests of one device are answered one
// after the other, at whichever node, so that two at once cannot undo each other; those that wait let others by. Whoever did not take the
// policies is told to (status 142 or HTTP 449), slower each time; whoever asks the same without an end is slowed, too.

import { isAtLeast } from '../../activesync/versions.ts';
import type { TagName } from '../../activesync/wbxml/code-pages.ts';
import type { Element } from '../../activesync/wbxml/element.ts';
import { element } from '../../activesync/wbxml/element.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { sleep } from '../../base/clock.ts';
import { CollectionBook } from './collection-book.ts';
import { commands } from './commands/index.ts';
import type { ActiveSyncParts, Answer, Call, Context } from './context.ts';
import { answerWith, namesOf } from './context.ts';
import type { Device } from './device-book.ts';
import { DeviceBook, deviceKey, heldAs } from './device-book.ts';
import { Loops } from './loops.ts';
import { Waiting } from './waiting.ts';

/** [MS-ASCMD] 2.2.2.1: to be wiped, not provisioned. */
const status = { wipe: '140', notProvisioned: '142' } as const;

/** Limits: devices whose refusals are counted; how many of them go without a wait, and the longest wait. */
const refusedMax = 10_000;
const refusedFreely = 5;
const refusedWaitMs = 10_000;
/** Limit: messages of which it is known that their last change was a device's own answer. */
const markedMax = 10_000;

/** Limit: a device may speak to several nodes at once, and each takes it from the other. */
const askedMax = 3;

/** The node that it spoke to before does not answer: it asks again. */
const elsewhere: Answer = { kind: 'refused', status: 503 };

export class ActiveSyncAccess {
  readonly devices: DeviceBook;
  readonly collections: CollectionBook;
  readonly waiting: Waiting;
  readonly #parts: ActiveSyncParts;
  /** How often a device was refused since it was last answered. */
  readonly #refused = new BoundedMap<string, number>(refusedMax);
  readonly #loops: Loops;
  readonly #marked: Context['marked'] = new BoundedMap(markedMax);
  /** Of each device, the request that was begun last. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Of each device, what ends its last wait. */
  readonly #waits = new Map<string, AbortController>();

  constructor(parts: ActiveSyncParts) {
    this.#parts = parts;
    this.devices = new DeviceBook(parts);
    this.collections = new CollectionBook({
      ...parts,
      isOurs: (device) => parts.holdings.has(heldAs(device)),
    });
    this.waiting = new Waiting(parts.store, parts.clock);
    this.#loops = new Loops(parts);
  }

  async answer(call: Call): Promise<Answer> {
    const { account, line } = call;
    const key = deviceKey(account, line.deviceId);
    // Pings wait beside all others; a device that pings anew has given up the last one, which a proxy may have cut. A
    // Sync that waits has to make room for whatever comes next.
    const isPing = line.command === 'Ping';
    const place = isPing ? `${key} Ping` : key;
    this.#waits.get(place)?.abort();
    const wait = new AbortController();
    this.#waits.set(place, wait);
    const asked = { ...call, left: AbortSignal.any([call.left, wait.signal]) };
    try {
      return await (isPing
        ? this.#answer(asked)
        : this.#inTurn(key, async () =>
            (await this.#isOurs(key)) ? await this.#answer(asked) : elsewhere,
          ));
    } finally {
      if (this.#waits.get(place) === wait) this.#waits.delete(place);
    }
  }

  /** It speaks to another node now: what it asked here is answered first, and a Sync that waits ends. */
  async letGo(device: string): Promise<void> {
    this.#waits.get(device)?.abort();
    await this.#inTurn(device, () => this.#parts.holdings.letGo(heldAs(device)));
  }

  close(): void {
    this.waiting.close();
  }

  /** A device speaks to one node, mostly; whichever it speaks to next asks the one before. */
  async #isOurs(device: string): Promise<boolean> {
    const { holdings, askFor } = this.#parts;
    for (let asked = 0; asked < askedMax; asked += 1) {
      if (await holdings.hold(heldAs(device))) return true;
      await askFor(device);
    }
    return holdings.hold(heldAs(device));
  }

  async #answer(call: Call): Promise<Answer> {
    const { account, line, agent } = call;
    const seen = {
      account,
      agent,
      id: line.deviceId,
      type: line.deviceType,
      version: line.version,
    };
    const { device, isNew, evicted } = await this.devices.seen(seen);
    if (evicted !== undefined) await this.collections.forget(deviceKey(account, evicted.id));
    if (isNew) this.#parts.log.info('device added', namesOf(call));
    const refusal = await this.#refusal(call, device);
    if (refusal !== undefined) return refusal;
    await this.#loops.pass(call);
    return commands[line.command](this.#contextOf(call, device));
  }

  #contextOf(call: Call, device: Device): Context {
    const { devices, collections, waiting } = this;
    const parts = { ...this.#parts, devices, collections, waiting, marked: this.#marked };
    return { ...parts, call, device };
  }

  async #refusal(call: Call, device: Device): Promise<Answer | undefined> {
    const key = deviceKey(call.account, device.id);
    const why = this.#whyNot(call, device);
    if (why === undefined) {
      this.#refused.delete(key);
      return undefined;
    }
    const times = (this.#refused.get(key) ?? 0) + 1;
    this.#refused.set(key, times);
    if (times % 20 === refusedFreely)
      this.#parts.log.warn('device refused', { ...namesOf(call), reason: why.reason });
    if (times > refusedFreely)
      await sleep(this.#parts.clock, Math.min(refusedWaitMs, (times - refusedFreely) * 1_000));
    return why.answer;
  }

  #whyNot(
    call: Call,
    { blocked, wipe, policyKey }: Device,
  ): { readonly reason: string; readonly answer: Answer } | undefined {
    const { command, policyKey: shown } = call.line;
    // Also one that was blocked after that: it is lost, and still has the mail.
    if (wipe !== undefined)
      return command === 'Provision'
        ? undefined
        : { reason: 'it is to be wiped', answer: toProvision(call, status.wipe) };
    if (blocked) return { reason: 'it is blocked', answer: { kind: 'refused', status: 403 } };
    if (command === 'Provision') return undefined;
    if (!this.#parts.settings().requireProvision) return undefined;
    // Field: Settings is asked for before the first Provision.
    if (command === 'Settings' && policyKey === '0') return undefined;
    if (policyKey !== '0' && shown === policyKey) return undefined;
    return {
      reason: 'it has not taken the policies',
      answer: toProvision(call, status.notProvisioned),
    };
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(key) === mine) this.#turns.delete(key);
    }
  }
}

/** [MS-ASHTTP] 3.1.5.2.2, [MS-ASPROV] 3.1.5.1: HTTP 449 before 14.0, a status from then on. */
function toProvision({ line }: Call, said: string): Answer {
  if (!isAtLeast(line.version, '14.0')) return { kind: 'refused', status: 449 };
  const root = roots[line.command];
  if (root === undefined) return { kind: 'refused', status: 449 };
  const page = root.slice(0, root.indexOf(':'));
  const status: Element = element(`${page}:Status` as TagName, said);
  return answerWith(element(root, [status]));
}

/** Documents of answers, by command; each page of them has a Status. */
const roots: Readonly<Record<string, TagName>> = {
  Sync: 'AirSync:Sync',
  SendMail: 'ComposeMail:SendMail',
  SmartForward: 'ComposeMail:SmartForward',
  SmartReply: 'ComposeMail:SmartReply',
  FolderSync: 'FolderHierarchy:FolderSync',
  FolderCreate: 'FolderHierarchy:FolderCreate',
  FolderDelete: 'FolderHierarchy:FolderDelete',
  FolderUpdate: 'FolderHierarchy:FolderUpdate',
  MoveItems: 'Move:MoveItems',
  GetItemEstimate: 'GetItemEstimate:GetItemEstimate',
  MeetingResponse: 'MeetingResponse:MeetingResponse',
  Search: 'Search:Search',
  Settings: 'Settings:Settings',
  Ping: 'Ping:Ping',
  ItemOperations: 'ItemOperations:ItemOperations',
  ResolveRecipients: 'ResolveRecipients:ResolveRecipients',
  ValidateCert: 'ValidateCert:ValidateCert',
  Find: 'Find:Find',
};
