// The header of a message, field by field, in the order in which they stand.

import type { TabProps } from './mail.ts';

export function HeaderTab({ mail: { headers } }: TabProps) {
  return (
    <table class="table plain">
      <caption class="visually-hidden">Header fields</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {headers.map(({ name, value }, i) => (
          <tr key={i}>
            <th scope="row">{name}</th>
            <td class="break">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
