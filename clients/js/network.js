/** Tells when this machine comes to another network. @param {() => void} changed @returns {() => void} unsubscribes */
export function networkChanges(changed) {
  const connection = /** @type {any} */ (globalThis.navigator)?.connection;
  let type = connection?.type;
  // Estimates of its speed are a change, too, and nothing to do anything about.
  const moved = () => {
    if (connection.type === type) return;
    type = connection.type;
    changed();
  };
  /** @type {(readonly [EventTarget | undefined, string, () => void])[]} */
  const signs = [
    ["document" in globalThis ? globalThis : undefined, "online", changed],
    [connection, "change", moved],
  ];
  for (const [target, event, heard] of signs) target?.addEventListener?.(event, heard);
  return () => {
    for (const [target, event, heard] of signs) target?.removeEventListener?.(event, heard);
  };
}
