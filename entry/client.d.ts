// Where the package's exports point: src/ in a checkout, dist/ in the published package.
export * from '#postrider/client/index';
