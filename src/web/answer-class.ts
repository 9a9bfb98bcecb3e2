// Answers of HTTP, as they are counted.

export const answerClasses = ['2xx', '3xx', '4xx', '5xx'] as const;
export type AnswerClass = (typeof answerClasses)[number];
