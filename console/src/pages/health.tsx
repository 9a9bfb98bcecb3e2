// Whether others find this server, can prove its mail, and reach it encrypted: what the DNS says, what it should say, and the
// certificates.

import { PageHead } from '../components/page.tsx';
import { Certificates } from './health/certificates.tsx';
import { DnsCheck } from './health/dns-check.tsx';
import { DnsRecords } from './health/dns-records.tsx';

export function Page() {
  return (
    <>
      <PageHead
        title="DNS and TLS"
        about="Whether others find this server, can prove its mail, and reach it encrypted"
      />
      <DnsCheck />
      <Certificates />
      <DnsRecords />
    </>
  );
}
