// Settings: what the device is, which addresses its owner has, and the answer while they are away. [MS-ASCMD] 2.2.1.18.
// The answer is the vacation rule that the console and the HTTP interface set, too.

import { isAtLeast } from '../../../activesync/versions.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import { child, children, childText, element } from '../../../activesync/wbxml/element.ts';
import { htmlText } from '../../../mail/text/html-text.ts';
import type { AccountRules, VacationRule } from '../../../policy/rules/account-rules.ts';
import {
  isEmpty,
  noRules,
  vacationDays,
  vacationTextMax,
} from '../../../policy/rules/account-rules.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { factsIn } from './provision.ts';

const ok = element('Settings:Status', '1');
const refused = element('Settings:Status', '2');

export async function settings(context: Context): Promise<Answer> {
  const { document } = context.call;
  if (document === undefined) return answerWith(element('Settings:Settings', [refused]));
  const facts = factsIn(document);
  if (facts !== undefined) await context.devices.change(context.device, { facts });
  const oof = child(document, 'Settings:Oof');
  return answerWith(
    element('Settings:Settings', [
      ok,
      oof && element('Settings:Oof', await awayFor(context, oof)),
      facts && element('Settings:DeviceInformation', [ok]),
      child(document, 'Settings:DevicePassword') && element('Settings:DevicePassword', [ok]),
      child(document, 'Settings:UserInformation') &&
        element('Settings:UserInformation', await addresses(context)),
      child(document, 'Settings:RightsManagementInformation') &&
        element('Settings:RightsManagementInformation', [
          ok,
          element('Settings:Get', [element('RightsManagement:RightsManagementTemplates')]),
        ]),
    ]),
  );
}

async function addresses({ accounts, call }: Context): Promise<readonly Element[]> {
  const account = await accounts.find(call.account);
  const all = [call.account, ...(account?.addresses ?? []).filter((one) => one !== call.account)];
  const list = element(
    'Settings:EmailAddresses',
    all.map((address) => element('Settings:SMTPAddress', address)),
  );
  // [MS-ASCMD] 2.2.3.57: from 14.1 on as accounts of the one who asks.
  if (!isAtLeast(call.line.version, '14.1')) return [ok, element('Settings:Get', [list])];
  const own = element('Settings:EmailAddresses', [
    ...all.map((address) => element('Settings:SMTPAddress', address)),
    element('Settings:PrimarySmtpAddress', call.account),
  ]);
  return [
    ok,
    element('Settings:Get', [element('Settings:Accounts', [element('Settings:Account', [own])])]),
  ];
}

async function awayFor(context: Context, oof: Element): Promise<readonly Element[]> {
  const { rules, call } = context;
  const set = child(oof, 'Settings:Set');
  const before = (await rules.of(call.account)) ?? noRules;
  if (set === undefined) {
    const wanted = childText(child(oof, 'Settings:Get'), 'Settings:BodyType');
    return [ok, element('Settings:Get', awayElements(before.vacation, wanted ?? 'Text'))];
  }
  const after = withAway(before, set, context.clock.now());
  if (after === undefined) return [refused];
  await rules.set(call.account, isEmpty(after) ? noRules : after);
  return [ok];
}

/** [MS-ASCMD] 2.2.3.119: not away, away, away for a time. */
const awayState = { off: '0', on: '1', timed: '2' } as const;

function awayElements(vacation: VacationRule | undefined, bodyType: string): readonly Element[] {
  const { from, until, text = '' } = vacation ?? {};
  const state =
    vacation === undefined
      ? awayState.off
      : from !== undefined && until !== undefined
        ? awayState.timed
        : awayState.on;
  const message = (applies: Element) =>
    element('Settings:OofMessage', [
      applies,
      element('Settings:Enabled', vacation === undefined ? '0' : '1'),
      element('Settings:ReplyMessage', text),
      element('Settings:BodyType', bodyType.toLowerCase() === 'html' ? 'HTML' : 'Text'),
    ]);
  return [
    element('Settings:OofState', state),
    state === awayState.timed ? element('Settings:StartTime', moment(from!)) : undefined,
    state === awayState.timed ? element('Settings:EndTime', moment(until!)) : undefined,
    message(element('Settings:AppliesToInternal')),
    message(element('Settings:AppliesToExternalKnown')),
    message(element('Settings:AppliesToExternalUnknown')),
  ].filter((each) => each !== undefined);
}

const moment = (text: string): string => {
  const ms = Date.parse(text);
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString();
};

/** Undefined for what is no answer. Everybody gets the same: what is for the own people first. */
function withAway(before: AccountRules, set: Element, now: number): AccountRules | undefined {
  const state = childText(set, 'Settings:OofState')?.trim();
  if (state === awayState.off) return { ...before, vacation: undefined };
  if (state !== awayState.on && state !== awayState.timed) return undefined;
  const messages = children(set, 'Settings:OofMessage');
  const enabled = messages.filter((each) => childText(each, 'Settings:Enabled') !== '0');
  const chosen =
    enabled.find((each) => child(each, 'Settings:AppliesToInternal') !== undefined) ?? enabled[0];
  const given = childText(chosen, 'Settings:ReplyMessage');
  const isHtml = childText(chosen, 'Settings:BodyType')?.trim().toLowerCase() === 'html';
  const text = (given === undefined ? before.vacation?.text : isHtml ? htmlText(given) : given)
    ?.trim()
    .slice(0, vacationTextMax);
  if (text === undefined || text === '') return undefined;
  const time = (tag: 'Settings:StartTime' | 'Settings:EndTime') => {
    const ms = Date.parse(childText(set, tag) ?? '');
    return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
  };
  const isTimed = state === awayState.timed;
  const from = isTimed ? time('Settings:StartTime') : undefined;
  const until = isTimed ? time('Settings:EndTime') : undefined;
  if (isTimed && (from === undefined || until === undefined || from >= until)) return undefined;
  if (until !== undefined && Date.parse(until) < now) return { ...before, vacation: undefined };
  const days = before.vacation?.days ?? vacationDays.usual;
  const subject = before.vacation?.subject;
  return { ...before, vacation: { subject, text, days, from, until } };
}
