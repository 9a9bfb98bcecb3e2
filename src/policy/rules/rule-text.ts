// Rules of an account in words, as the command line and the console say them.

import type { AccountRules, FilterRule } from './account-rules.ts';

/** `from has “boss” and larger than 1000 bytes` */
export function conditionsText({ when }: FilterRule): string {
  const { match, from, to, subject, header, size } = when;
  const said = [
    from && `from has “${from}”`,
    to && `to has “${to}”`,
    subject && `subject has “${subject}”`,
    header &&
      (header.contains === undefined
        ? `it has ${header.name}`
        : `${header.name} has “${header.contains}”`),
    size?.over !== undefined && `larger than ${size.over} bytes`,
    size?.under !== undefined && `smaller than ${size.under} bytes`,
  ].filter((one) => typeof one === 'string' && one !== '');
  return said.length === 0 ? 'all mail' : said.join(match === 'any' ? ' or ' : ' and ');
}

/** `into Lists/Dev, marked as read` */
export function actionsText({ do: actions }: FilterRule): string {
  const { folder, flag, markRead, forward, discard } = actions;
  const said = [
    folder && `into ${folder}`,
    flag && 'flagged',
    markRead && 'marked as read',
    forward && `sent on to ${forward.join(', ')}`,
    discard && 'thrown away',
  ].filter((one) => typeof one === 'string');
  return said.join(', ') || 'nothing';
}

/** A line for each; none where there are no rules. */
export function rulesText({ filters, forward, vacation }: AccountRules): readonly string[] {
  return [
    ...filters.map((filter, i) => {
      const last = filter.stop ? '; no filter below it' : '';
      return `${i + 1}. ${filter.name}: ${conditionsText(filter)}: ${actionsText(filter)}${last}`;
    }),
    ...(forward === undefined
      ? []
      : [`forward: to ${forward.to.join(', ')}${forward.keepCopy ? ', with a copy here' : ''}`]),
    ...(vacation === undefined
      ? []
      : [
          `vacation: ${[
            vacation.from && `from ${vacation.from}`,
            vacation.until && `until ${vacation.until}`,
            `each sender once in ${vacation.days} days`,
            JSON.stringify(vacation.text),
          ]
            .filter(Boolean)
            .join(', ')}`,
        ]),
  ];
}
