// WBXML as a phone speaks it, for tests: written from [MS-ASWBXML] anew, so that what the server gets wrong is not wrong
// here too. An element is `[name, ...content]`; content is elements, text or octets. A tag that is not known is an error.

export interface Node extends ReadonlyArray<Node | string | Uint8Array> {
  readonly 0: string;
}

/** Page, then the numbers of tags in hexadecimal. */
const tokens: Readonly<Record<string, readonly [page: number, tags: string]>> = {
  AirSync: [
    0x00,
    '05 Sync 06 Responses 07 Add 08 Change 09 Delete 0a Fetch 0b SyncKey 0c ClientId 0d ServerId 0e Status 0f Collection 10 Class 12 CollectionId 13 GetChanges 14 MoreAvailable 15 WindowSize 16 Commands 17 Options 18 FilterType 1b Conflict 1c Collections 1d ApplicationData 1e DeletesAsMoves 21 SoftDelete 22 MIMESupport 24 Wait 25 Limit 26 Partial 29 HeartbeatInterval',
  ],
  Email: [
    0x02,
    '0f DateReceived 11 DisplayTo 12 Importance 13 MessageClass 14 Subject 15 Read 16 To 17 Cc 18 From 19 ReplyTo 1b Categories 1c Category 35 ThreadTopic 39 InternetCPID 3a Flag 3b Status 3c ContentClass 3d FlagType',
  ],
  Move: [
    0x05,
    '05 MoveItems 06 Move 07 SrcMsgId 08 SrcFldId 09 DstFldId 0a Response 0b Status 0c DstMsgId',
  ],
  GetItemEstimate: [
    0x06,
    '05 GetItemEstimate 07 Collections 08 Collection 0a CollectionId 0c Estimate 0d Response 0e Status',
  ],
  FolderHierarchy: [
    0x07,
    '07 DisplayName 08 ServerId 09 ParentId 0a Type 0c Status 0e Changes 0f Add 10 Delete 11 Update 12 SyncKey 13 FolderCreate 14 FolderDelete 15 FolderUpdate 16 FolderSync 17 Count',
  ],
  MeetingResponse: [
    0x08,
    '06 CollectionId 07 MeetingResponse 08 RequestId 09 Request 0a Result 0b Status 0c UserResponse',
  ],
  ResolveRecipients: [
    0x0a,
    '05 ResolveRecipients 06 Response 07 Status 08 Type 09 Recipient 0a DisplayName 0b EmailAddress 0c Certificates 0f Options 10 To 11 CertificateRetrieval 12 RecipientCount 15 CertificateCount',
  ],
  ValidateCert: [0x0b, '05 ValidateCert 06 Certificates 07 Certificate 0a Status'],
  Ping: [
    0x0d,
    '05 Ping 07 Status 08 HeartbeatInterval 09 Folders 0a Folder 0b Id 0c Class 0d MaxFolders',
  ],
  Provision: [
    0x0e,
    '05 Provision 06 Policies 07 Policy 08 PolicyType 09 PolicyKey 0a Data 0b Status 0c RemoteWipe 0d EASProvisionDoc 0e DevicePasswordEnabled 0f AlphanumericDevicePasswordRequired 10 DeviceEncryptionEnabled 11 PasswordRecoveryEnabled 13 AttachmentsEnabled 18 AllowSimpleDevicePassword 1a DevicePasswordHistory 1b AllowStorageCard 1c AllowCamera 1d RequireDeviceEncryption 1e AllowUnsignedApplications 1f AllowUnsignedInstallationPackages 21 AllowWiFi 22 AllowTextMessaging 23 AllowPOPIMAPEmail 24 AllowBluetooth 25 AllowIrDA 26 RequireManualSyncWhenRoaming 27 AllowDesktopSync 28 MaxCalendarAgeFilter 29 AllowHTMLEmail 2a MaxEmailAgeFilter 2d RequireSignedSMIMEMessages 2e RequireEncryptedSMIMEMessages 33 AllowBrowser 34 AllowConsumerEmail 35 AllowRemoteDesktop 36 AllowInternetSharing 3b AccountOnlyRemoteWipe',
  ],
  Search: [
    0x0f,
    '05 Search 07 Store 08 Name 09 Query 0a Options 0b Range 0c Status 0d Response 0e Result 0f Properties 10 Total 12 Value 13 And 15 FreeText 18 LongId 1a LessThan 1b GreaterThan',
  ],
  GAL: [0x10, '05 DisplayName 0a Alias 0f EmailAddress'],
  AirSyncBase: [
    0x11,
    '05 BodyPreference 06 Type 07 TruncationSize 08 AllOrNone 0a Body 0b Data 0c EstimatedDataSize 0d Truncated 0e Attachments 0f Attachment 10 DisplayName 11 FileReference 12 Method 13 ContentId 15 IsInline 16 NativeBodyType 17 ContentType 18 Preview 19 BodyPartPreference 1a BodyPart 1b Status 1c Add 1d Delete 1e ClientId 1f Content',
  ],
  Settings: [
    0x12,
    '05 Settings 06 Status 07 Get 08 Set 09 Oof 0a OofState 0b StartTime 0c EndTime 0d OofMessage 0e AppliesToInternal 0f AppliesToExternalKnown 10 AppliesToExternalUnknown 11 Enabled 12 ReplyMessage 13 BodyType 16 DeviceInformation 17 Model 19 FriendlyName 1a OS 1d UserInformation 1e EmailAddresses 1f SMTPAddress 23 PrimarySmtpAddress 24 Accounts 25 Account',
  ],
  ItemOperations: [
    0x14,
    '05 ItemOperations 06 Fetch 07 Store 08 Options 09 Range 0a Total 0b Properties 0c Data 0d Status 0e Response 11 Part 12 EmptyFolderContents 13 DeleteSubFolders',
  ],
  ComposeMail: [
    0x15,
    '05 SendMail 06 SmartForward 07 SmartReply 08 SaveInSentItems 09 ReplaceMime 0b Source 0c FolderId 0d ItemId 0e LongId 10 MIME 11 ClientId 12 Status',
  ],
  Email2: [
    0x16,
    '09 ConversationId 0a ConversationIndex 0b LastVerbExecuted 0e Sender 15 IsDraft 16 Bcc 17 Send',
  ],
  Find: [
    0x19,
    '05 Find 06 SearchId 07 ExecuteSearch 08 MailBoxSearchCriterion 09 Query 0a Status 0b FreeText 0c Options 0d Range 0e DeepTraversal 11 Response 12 Result 13 Properties 14 Preview 15 HasAttachments 16 Total 19 GalSearchCriterion',
  ],
};

const numbers = new Map<string, number>();
const names = new Map<number, string>();
for (const [page, [number, tags]] of Object.entries(tokens)) {
  const words = tags.split(' ');
  for (let i = 0; i < words.length; i += 2) {
    const place = (number << 8) | Number.parseInt(words[i]!, 16);
    numbers.set(`${page}:${words[i + 1]}`, place);
    names.set(place, `${page}:${words[i + 1]}`);
  }
}

export function write(root: Node): Buffer {
  const octets: number[] = [0x03, 0x01, 0x6a, 0x00];
  let page = 0;
  const put = ([name, ...content]: Node): void => {
    const place = numbers.get(name);
    if (place === undefined) throw new Error(`the phone has no tag ${name}`);
    if (place >> 8 !== page) {
      page = place >> 8;
      octets.push(0x00, page);
    }
    octets.push((place & 0xff) | (content.length > 0 ? 0x40 : 0));
    for (const each of content) {
      if (typeof each === 'string') octets.push(0x03, ...Buffer.from(each), 0x00);
      else if (each instanceof Uint8Array) octets.push(0xc3, ...length(each.length), ...each);
      else put(each);
    }
    if (content.length > 0) octets.push(0x01);
  };
  put(root);
  return Buffer.from(octets);
}

function length(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

export function read(octets: Buffer): Node {
  if (octets.subarray(0, 4).toString('hex') !== '03016a00') throw new Error('no WBXML');
  let at = 4;
  let page = 0;
  const number = (): number => {
    let value = 0;
    for (;;) {
      const octet = octets[at++]!;
      value = value * 128 + (octet & 0x7f);
      if (octet < 0x80) return value;
    }
  };
  const element = (tag: number): Node => {
    const place = (page << 8) | (tag & 0x3f);
    const name = names.get(place);
    if (name === undefined) throw new Error(`the server wrote ${place.toString(16)}`);
    const content: (Node | string | Uint8Array)[] = [];
    if ((tag & 0x40) === 0) return [name];
    for (;;) {
      const octet = octets[at++];
      if (octet === undefined) throw new Error('it ends too early');
      if (octet === 0x01) return [name, ...content];
      if (octet === 0x00) page = octets[at++]!;
      else if (octet === 0x03) {
        const end = octets.indexOf(0, at);
        content.push(octets.toString('utf8', at, end));
        at = end + 1;
      } else if (octet === 0xc3) {
        const size = number();
        content.push(octets.subarray(at, at + size));
        at += size;
      } else content.push(element(octet));
    }
  };
  if (octets[at] === 0x00) {
    page = octets[at + 1]!;
    at += 2;
  }
  return element(octets[at++]!);
}

export const childrenOf = (node: Node | undefined, name?: string): readonly Node[] =>
  (node?.slice(1) ?? []).filter(
    (each): each is Node => Array.isArray(each) && (name === undefined || each[0] === name),
  );

/** The first at the end of a path of names. */
export const at = (node: Node | undefined, ...path: readonly string[]): Node | undefined =>
  path.reduce<Node | undefined>((found, name) => childrenOf(found, name)[0], node);

/** Undefined where there is no such element. */
export function text(node: Node | undefined, ...path: readonly string[]): string | undefined {
  const found = at(node, ...path);
  return found?.slice(1).map(String).join('');
}
