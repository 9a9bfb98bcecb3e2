// One line for each command.

import type { CommandName } from '../../../activesync/versions.ts';
import type { Command } from '../context.ts';
import { composeMail } from './compose-mail.ts';
import { folderCreate, folderDelete, folderSync, folderUpdate } from './folders.ts';
import { getItemEstimate } from './get-item-estimate.ts';
import { getAttachment, itemOperations } from './item-operations.ts';
import { moveItems } from './move-items.ts';
import { ping } from './ping.ts';
import { provision } from './provision.ts';
import { find, search } from './search.ts';
import { settings } from './settings.ts';
import { meetingResponse, resolveRecipients, validateCert } from './small-commands.ts';
import { sync } from './sync.ts';

export const commands: Readonly<Record<CommandName, Command>> = {
  Sync: sync,
  SendMail: composeMail('SendMail'),
  SmartForward: composeMail('SmartForward'),
  SmartReply: composeMail('SmartReply'),
  GetAttachment: getAttachment,
  FolderSync: folderSync,
  FolderCreate: folderCreate,
  FolderDelete: folderDelete,
  FolderUpdate: folderUpdate,
  MoveItems: moveItems,
  GetItemEstimate: getItemEstimate,
  MeetingResponse: meetingResponse,
  Search: search,
  Settings: settings,
  Ping: ping,
  ItemOperations: itemOperations,
  Provision: provision,
  ResolveRecipients: resolveRecipients,
  ValidateCert: validateCert,
  Find: find,
};
