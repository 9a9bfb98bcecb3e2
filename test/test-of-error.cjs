// Loaded before a process of tests (scripts/test.ts). To know which test an uncaught error belongs to, node:test listens
// to every promise and every other resource that is made and collected, which takes a seventh of the processor time of
// all tests. Here the test is what AsyncLocalStorage carries along, which costs nothing. With `node --test FILE`
// everything is as Node has it. An error that no test owns fails the file, here and there.

const hooks = require('node:async_hooks');

const { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId } = hooks;
const current = new AsyncLocalStorage();
/** The runner's; it notes the tests among what it is told of. */
let tellRunner;

// The runner takes both functions when it is loaded; it is the only one who asks for both callbacks.
hooks.createHook = (callbacks) => {
  if (callbacks.init === undefined || callbacks.destroy === undefined) return createHook(callbacks);
  tellRunner = callbacks.init;
  return createHook({});
};
hooks.executionAsyncId = () => current.getStore() ?? executionAsyncId();

const { runInAsyncScope } = AsyncResource.prototype;
AsyncResource.prototype.runInAsyncScope = function (call, self, ...args) {
  if (this.reportedType === undefined || tellRunner === undefined)
    return runInAsyncScope.call(this, call, self, ...args);
  const id = this.asyncId();
  tellRunner(id, '', 0, this);
  const within = (...given) => current.run(id, () => Reflect.apply(call, self, given));
  return runInAsyncScope.call(this, within, self, ...args);
};
