export * from '../../../src/smtp/index.ts';
