/** What is kept of calls. @param {import("./types.js").Send} send */
export const recordings = (send) => ({
  /**
   * Those that one was there for, newest first.
   * @param {{ limit?: number, cursor?: string | null }} [page]
   * @returns {Promise<{ items: import("./types.js").RecordingItem[], next_cursor: string | null }>}
   */
  list({ limit = 20, cursor } = {}) {
    return send("GET", `/api/v1/recordings?${new URLSearchParams({ limit: String(limit), ...(cursor ? { cursor } : {}) })}`);
  },
  /** One of them; its `link` brings the file for five minutes. @param {string} id @returns {Promise<import("./types.js").RecordingItem>} */
  get: (id) => send("GET", `/api/v1/recordings/${encodeURIComponent(id)}`),
  /** Gone for everybody; its recorder may, and who was the host. @param {string} id @returns {Promise<void>} */
  remove: (id) => send("DELETE", `/api/v1/recordings/${encodeURIComponent(id)}`, { repeatable: true }),
});
