// Addresses as people write them into a field.

export const listOf = (given: FormDataEntryValue | null): string[] =>
  String(given ?? '')
    .split(/[\s,;]+/)
    .filter((one) => one !== '');
