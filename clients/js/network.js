/** Tells when this machine comes to another network. @param {() => void} changed @returns {() => void} unsubscribes */
export function networkChanges(changed) {
  /** @type {(readonly [EventTarget | undefined, string])[]} */
  const signs = [
    ["document" in globalThis ? globalThis : undefined, "online"],
    [/** @type {any} */ (globalThis.navigator)?.connection, "change"],
  ];
  for (const [target, event] of signs) target?.addEventListener?.(event, changed);
  return () => {
    for (const [target, event] of signs) target?.removeEventListener?.(event, changed);
  };
}
