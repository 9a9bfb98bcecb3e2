// Provision: what a device has to agree to before it gets mail, in two steps, and the word that it is to forget what it
// has. [MS-ASPROV] 2.2, 3.1.5.1. Nothing is demanded of a device; the agreement is what makes a wipe possible.

import type { Element } from '../../../activesync/wbxml/element.ts';
import { child, childrenOf, childText, element } from '../../../activesync/wbxml/element.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith, namesOf } from '../context.ts';
import type { Device } from '../device-book.ts';

const policyType = 'MS-EAS-Provisioning-WBXML';

export async function provision(context: Context): Promise<Answer> {
  const { call, device } = context;
  const facts = factsIn(call.document) ?? device.facts;
  if (device.wipe !== undefined) return wiping(context, facts);
  const policy = child(child(call.document, 'Provision:Policies'), 'Provision:Policy');
  const type = childText(policy, 'Provision:PolicyType');
  const key = childText(policy, 'Provision:PolicyKey');
  const status = childText(policy, 'Provision:Status');
  if (policy === undefined) {
    await keep(context, { facts });
    return answer([]);
  }
  if (type !== policyType) return answer([policyElement([status3], type)]);
  return key === undefined || status === undefined
    ? offer(context, facts)
    : agree(context, facts, { key, status });
}

/** [MS-ASPROV] 2.2.2.54.2: the type of policy is not known. */
const status3 = element('Provision:Status', '3');

async function offer(context: Context, facts: Device['facts']): Promise<Answer> {
  const offeredKey = context.device.offeredKey ?? newKey(context);
  await keep(context, { facts, offeredKey });
  return answer([
    policyElement([
      element('Provision:Status', '1'),
      element('Provision:PolicyKey', offeredKey),
      element('Provision:Data', [element('Provision:EASProvisionDoc', nothingDemanded())]),
    ]),
  ]);
}

/** [MS-ASPROV] 3.1.5.1.2.1: status 2 is "in part", which is as much as nothing that is demanded needs. */
async function agree(
  context: Context,
  facts: Device['facts'],
  { key, status }: { readonly key: string; readonly status: string },
): Promise<Answer> {
  const { device } = context;
  const isRight = key === device.offeredKey || key === device.policyKey;
  if (!isRight || !['1', '2', '4'].includes(status))
    return answer([policyElement([element('Provision:Status', isRight ? '2' : '5')])]);
  // The same agreement twice has the same key.
  const isNew = device.policyKey === '0' || key === device.offeredKey;
  const policyKey = isNew ? newKey(context) : device.policyKey;
  await keep(context, { facts, policyKey, offeredKey: undefined });
  const said = [element('Provision:Status', '1'), element('Provision:PolicyKey', policyKey)];
  return answer([policyElement(said)]);
}

/** [MS-ASPROV] 3.1.5.2.3: the device is told, does it, and says so; it is blocked then. Status 1 is that it has. */
async function wiping(context: Context, facts: Device['facts']): Promise<Answer> {
  const { device } = context;
  const tag = device.wipe === 'account' ? 'AccountOnlyRemoteWipe' : 'RemoteWipe';
  const confirmed = child(context.call.document, `Provision:${tag}`);
  if (childText(confirmed, 'Provision:Status')?.trim() !== '1') {
    await keep(context, { facts });
    context.log.info('device is told to wipe', { ...namesOf(context.call), reason: device.wipe });
    return answerWith(
      element('Provision:Provision', [
        element('Provision:Status', '1'),
        element(`Provision:${tag}`),
      ]),
    );
  }
  const wiped = context.clock.now();
  await keep(context, { facts, wipe: undefined, wiped, blocked: true, policyKey: '0' });
  context.log.info('device has wiped', namesOf(context.call));
  return answer([]);
}

const keep = ({ devices, device }: Context, part: Partial<Device>) => devices.change(device, part);

/** [MS-ASPROV] 2.2.2.42: an unsigned number of 32 bits, never 0. */
const newKey = ({ random }: Context): string =>
  String(1 + (random.bytes(4).readUInt32BE() % 0xffff_fffe));

const answer = (policies: readonly Element[]): Answer =>
  answerWith(
    element('Provision:Provision', [
      element('Provision:Status', '1'),
      policies.length === 0 ? undefined : element('Provision:Policies', policies),
    ]),
  );

const policyElement = (content: readonly Element[], type = policyType): Element =>
  element('Provision:Policy', [element('Provision:PolicyType', type), ...content]);

/** [MS-ASPROV] 2.2.2.28: everything is allowed, and no password asked for. */
const nothingDemanded = (): Element[] => [
  element('Provision:DevicePasswordEnabled', '0'),
  element('Provision:AlphanumericDevicePasswordRequired', '0'),
  element('Provision:PasswordRecoveryEnabled', '0'),
  element('Provision:DeviceEncryptionEnabled', '0'),
  element('Provision:AttachmentsEnabled', '1'),
  element('Provision:AllowSimpleDevicePassword', '1'),
  element('Provision:DevicePasswordHistory', '0'),
  element('Provision:AllowStorageCard', '1'),
  element('Provision:AllowCamera', '1'),
  element('Provision:RequireDeviceEncryption', '0'),
  element('Provision:AllowUnsignedApplications', '1'),
  element('Provision:AllowUnsignedInstallationPackages', '1'),
  element('Provision:AllowWiFi', '1'),
  element('Provision:AllowTextMessaging', '1'),
  element('Provision:AllowPOPIMAPEmail', '1'),
  element('Provision:AllowBluetooth', '2'),
  element('Provision:AllowIrDA', '1'),
  element('Provision:RequireManualSyncWhenRoaming', '0'),
  element('Provision:AllowDesktopSync', '1'),
  element('Provision:MaxCalendarAgeFilter', '0'),
  element('Provision:AllowHTMLEmail', '1'),
  element('Provision:MaxEmailAgeFilter', '0'),
  element('Provision:RequireSignedSMIMEMessages', '0'),
  element('Provision:RequireEncryptedSMIMEMessages', '0'),
  element('Provision:AllowBrowser', '1'),
  element('Provision:AllowConsumerEmail', '1'),
  element('Provision:AllowRemoteDesktop', '1'),
  element('Provision:AllowInternetSharing', '1'),
];

/** Limits: facts of a device, and characters of each. */
const factsMax = 20;
const factMax = 200;

/** [MS-ASCMD] 2.2.3.45: what it says of itself, from 14.1 on with the first Provision. */
export function factsIn(request: Element | undefined): Device['facts'] | undefined {
  const set = child(child(request, 'Settings:DeviceInformation'), 'Settings:Set');
  if (set === undefined) return undefined;
  const facts = childrenOf(set)
    .slice(0, factsMax)
    .map(({ tag, content }) => [
      tag.slice(tag.indexOf(':') + 1),
      typeof content === 'string' ? content.slice(0, factMax) : '',
    ]);
  return Object.fromEntries(facts);
}
