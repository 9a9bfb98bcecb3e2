// Devices that accounts have: who they are, what they have agreed to, what they know of the folders. One record for each;
// one that is not heard of for a season is forgotten. An account has a bounded number of them.

import type { Clock } from '../../base/clock.ts';
import { allRecords, removeRecords } from '../../store/all-records.ts';
import { changeRecord } from '../../store/change-record.ts';
import type { RecordStore } from '../../store/record-store.ts';

export interface Device {
  readonly account: string;
  readonly id: string;
  /** As it calls itself: `iPhone`, `SamsungDevice`. */
  readonly type: string;
  readonly agent: string;
  readonly version: string;
  /** [MS-ASCMD] 2.2.3.45: what Settings told of it, by the names of the elements. */
  readonly facts: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  /** To the hour. */
  readonly lastSeen: number;
  /** What it has agreed to; '0' before that. */
  readonly policyKey: string;
  /** Offered, and not yet agreed to. */
  readonly offeredKey?: string | undefined;
  readonly blocked?: boolean | undefined;
  readonly wipe?: 'account' | 'device' | undefined;
  /** When it said that it was wiped. */
  readonly wiped?: number | undefined;
  readonly folders?: FoldersKnown | undefined;
  readonly folders0?: FoldersKnown | undefined;
  /** [MS-ASCMD] 2.2.1.13: of the last Ping, for one that says nothing. */
  readonly ping?: { readonly seconds: number; readonly folders: readonly string[] } | undefined;
  /** Of the last Sync, for one that is empty. */
  readonly sync?:
    | { readonly seconds?: number | undefined; readonly collections: readonly string[] }
    | undefined;
}

/** What a device knows of the folders, by the key that it has for it. */
export interface FoldersKnown {
  readonly key: string;
  /** A state of `changedFolders`. */
  readonly state: string;
}

export const deviceKind = 'activesync-device';
/** Limit: devices of an account; the one that was not heard of for longest makes room. */
const devicesMax = 50;
/** A device that is blocked, or is to be wiped, stays so, however long it is switched off. */
const keptMs = 120 * 24 * 60 * 60_000;
const seenEveryMs = 60 * 60_000;

export interface DeviceBookParts {
  readonly records: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
}

export const deviceKey = (account: string, id: string): string => `${account} ${id}`;
/** By its key: as the node has it that it speaks to. */
export const heldAs = (device: string): string => `activesync ${device}`;

export class DeviceBook {
  readonly #parts: DeviceBookParts;

  constructor(parts: DeviceBookParts) {
    this.#parts = parts;
  }

  async find(account: string, id: string): Promise<Device | undefined> {
    const record = await this.#parts.records.get(deviceKind, deviceKey(account, id));
    return record && (JSON.parse(record.value) as Device);
  }

  /** As it is asked for now; written down when it is new, changed, or was not heard of for an hour. */
  async seen({ account, ...now }: SeenDevice): Promise<Seen> {
    const known = await this.find(account, now.id);
    const at = this.#parts.clock.now();
    if (known === undefined) {
      const evicted = await this.#makeRoom(account);
      const device = await this.#save({
        ...{ account, ...now, facts: {}, firstSeen: at, lastSeen: at, policyKey: '0' },
      });
      return { device, isNew: true, evicted };
    }
    const isSame =
      known.type === now.type && known.agent === now.agent && known.version === now.version;
    if (isSame && at - known.lastSeen < seenEveryMs) return { device: known, isNew: false };
    const changed = await this.change(known, { ...now, lastSeen: at });
    return { device: changed ?? known, isNew: false };
  }

  /** Of the device as it is now, whoever else changes it meanwhile. One that was removed stays so. */
  async change({ account, id }: Pick<Device, 'account' | 'id'>, part: Partial<Device>) {
    const record = { kind: deviceKind, key: deviceKey(account, id) };
    let device: Device | undefined;
    await changeRecord(this.#parts, record, (value) => {
      device = value === undefined ? undefined : { ...(JSON.parse(value) as Device), ...part };
      return device && this.#written(device);
    });
    return device;
  }

  async #save(device: Device): Promise<Device> {
    const record = { kind: deviceKind, key: deviceKey(device.account, device.id) };
    await this.#parts.records.put([{ ...record, ...this.#written(device) }]);
    return device;
  }

  #written(device: Device) {
    return {
      value: JSON.stringify(device),
      expires: isKept(device) ? undefined : this.#parts.clock.now() + keptMs,
    };
  }

  async list(account: string | undefined): Promise<readonly Device[]> {
    const prefix = account === undefined ? undefined : `${account} `;
    const found = allRecords(this.#parts.records, deviceKind, { prefix });
    return Array.fromAsync(found, ({ value }) => JSON.parse(value) as Device);
  }

  async remove(account: string, id: string): Promise<void> {
    await this.#parts.records.remove(deviceKind, [deviceKey(account, id)]);
  }

  /** The device that was forgotten for it. */
  async #makeRoom(account: string): Promise<Device | undefined> {
    const all = await this.list(account);
    if (all.length < devicesMax) return undefined;
    const free = all.filter((device) => !isKept(device));
    const [oldest] = free.sort((one, other) => one.lastSeen - other.lastSeen);
    if (oldest !== undefined) await this.remove(account, oldest.id);
    return oldest;
  }
}

const isKept = ({ blocked, wipe }: Device): boolean => blocked === true || wipe !== undefined;

/** Whoever gets the account's address next has nothing to do with its devices. */
export const forgetDevices = (records: RecordStore, account: string): Promise<void> =>
  removeRecords(records, deviceKind, `${account} `);

export interface Seen {
  readonly device: Device;
  readonly isNew: boolean;
  /** It made room: what it knows of folders is nobody's any more. */
  readonly evicted?: Device | undefined;
}

export type SeenDevice = Pick<Device, 'account' | 'id' | 'type' | 'agent' | 'version'>;
