// Every extension we speak, in the order EHLO lists them. To add one: write its file, add its name.

export type MailParam = never;
export type RcptParam = never;
