// How the columns of mailColumns() are asked for.

/** `rows` selects from mail, in UID order. */
export const columnsSql = (rows: string): string => `
  SELECT json_group_array(uid), json_group_array(email), json_group_array(modseq),
    json_group_array(flags), json_group_array(received), json_group_array(saved),
    json_group_array(size), json_group_array(keywords)
  FROM (${rows})`;
