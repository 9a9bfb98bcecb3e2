// Commands of which mail needs little: ResolveRecipients ([MS-ASCMD] 2.2.1.15), ValidateCert (2.2.1.22), MeetingResponse
// (2.2.1.11).

import { child, children, childText, element, textOf } from '../../../activesync/wbxml/element.ts';
import type { Answer, Context } from '../context.ts';
import { answerWith } from '../context.ts';
import { peopleHere } from '../people.ts';

/** Limits: recipients of a request, people for each. */
const recipientsMax = 100;
const ambiguousMax = 19;

/** [MS-ASCMD] 2.2.3.177.12. Certificates and times when somebody is free are not kept here. */
export async function resolveRecipients(context: Context): Promise<Answer> {
  const asked = children(context.call.document, 'ResolveRecipients:To').slice(0, recipientsMax);
  const wantsCertificates =
    child(
      child(context.call.document, 'ResolveRecipients:Options'),
      'ResolveRecipients:CertificateRetrieval',
    ) !== undefined;
  const find = await peopleHere(context);
  const responses = asked.map((to) => {
    const people = find(textOf(to)).slice(0, ambiguousMax);
    const said = people.length === 1 ? '1' : people.length === 0 ? '4' : '2';
    return element('ResolveRecipients:Response', [
      element('ResolveRecipients:To', textOf(to)),
      element('ResolveRecipients:Status', said),
      element('ResolveRecipients:RecipientCount', people.length),
      ...people.map(({ name, address }) =>
        element('ResolveRecipients:Recipient', [
          element('ResolveRecipients:Type', '1'),
          element('ResolveRecipients:DisplayName', name),
          element('ResolveRecipients:EmailAddress', address),
          // [MS-ASCMD] 2.2.3.177.12: there is no certificate.
          wantsCertificates
            ? element('ResolveRecipients:Certificates', [
                element('ResolveRecipients:Status', '7'),
                element('ResolveRecipients:CertificateCount', '0'),
              ])
            : undefined,
        ]),
      ),
    ]);
  });
  return answerWith(
    element('ResolveRecipients:ResolveRecipients', [
      element('ResolveRecipients:Status', '1'),
      ...responses,
    ]),
  );
}

/** [MS-ASCMD] 2.2.3.177.18: nobody here can say whether a certificate is good: "cannot be validated". */
export function validateCert({ call }: Context): Answer {
  const certificates = children(
    child(call.document, 'ValidateCert:Certificates'),
    'ValidateCert:Certificate',
  ).slice(0, recipientsMax);
  return answerWith(
    element('ValidateCert:ValidateCert', [
      element('ValidateCert:Status', '1'),
      ...certificates.map(() =>
        element('ValidateCert:Certificate', [element('ValidateCert:Status', '17')]),
      ),
    ]),
  );
}

/** [MS-ASCMD] 2.2.3.177.9: without a calendar there is no meeting to answer: "not a valid request". */
export function meetingResponse({ call }: Context): Answer {
  const requests = children(call.document, 'MeetingResponse:Request').slice(0, recipientsMax);
  return answerWith(
    element(
      'MeetingResponse:MeetingResponse',
      requests.map((each) =>
        element('MeetingResponse:Result', [
          element('MeetingResponse:RequestId', childText(each, 'MeetingResponse:RequestId') ?? ''),
          element('MeetingResponse:Status', '2'),
        ]),
      ),
    ),
  );
}
