// Texts as this database can have them: no NUL, no half of a surrogate pair. What takes their place is as long.

import { folderPath } from '../../folders/folder-path.ts';

export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');

export const storablePath = (name: string): string => storable(folderPath(name));
