import { $, busy, h, trouble } from "./dom.js";
import { list, recordingQuestion, recordingSign, SAVING, size, when } from "./words.js";

/**
 * @typedef {import("/client/call.js").Call} Call
 * @typedef {import("/client/client.js").Client} Client
 * @typedef {import("/client/types.js").RecordingItem} Item
 */

/** The recorder still uploads when a recording is over for the others; nobody says when it is done. */
const LOOK_AGAIN = [1_000, 4_000, 15_000, 60_000];

/** @type {() => void} */
let look = () => {};

/** The sign, the question and the buttons of a call's recording. @param {Call} call */
export function recordingOf(call) {
  const question = recordingQuestion(call);
  const { recording, myself } = call;
  const mine = recording?.by === myself.user_id;
  write("recording-question", question);
  write("recording-sign", recordingSign(call));
  $("recording").dataset.state = recording?.state ?? "none";
  $("recording").hidden = call.isOver || !recording;
  $("consent").hidden = myself.consent === true;
  $("no-consent").hidden = myself.consent === false || (mine && !question);
  write("no-consent", question ? "Don’t allow" : "No longer allow");
  $("record").hidden = recording ? !mine && !call.isHost : call.state !== "connected";
  write("record", recording ? "Stop recording" : "Record");
  for (const [id, given] of /** @type {const} */ ([["consent", true], ["no-consent", false]])) {
    $(id).onclick = () =>
      busy($(id), async () => {
        await call.consent(given);
        $(given ? "no-consent" : "consent").focus();
      });
  }
  $("record").onclick = () => busy($("record"), () => (call.recording ? call.stopRecording() : call.record()));
}

/** Says what becomes of what was recorded here, also after the call. @param {Call} call */
export function followRecording(call) {
  call.on("recording", ({ state, problem }) => {
    if (!(state in SAVING)) return;
    write("saving", SAVING[state]);
    $("saving").hidden = SAVING[state] === "";
    if (problem) trouble(problem);
    look();
    if (state === "stopped") LOOK_AGAIN.forEach((ms) => setTimeout(look, ms));
  });
}

/** What is kept, newest first. @param {Client} client @param {import("./welcome.js").DemoPerson[]} demo */
export function recordings(client, demo) {
  const me = client.session?.user.id;
  const name = (/** @type {string} */ user) => (user === me ? "you" : (demo.find(({ user_id }) => user_id === user)?.name ?? "somebody"));
  const more = $("recordings-more");
  /** @type {string | null} */
  let cursor = null;
  const read = async (/** @type {string | null} */ from) => {
    const page = await client.recordings.list({ limit: 5, cursor: from });
    const known = new Map([...$("recordings-list").children].map((row) => [/** @type {HTMLElement} */ (row).dataset.recordingId, row]));
    // A row that plays goes on playing.
    const rows = page.items.map((item) => known.get(item.recording_id) ?? row(client, item, name, refresh));
    if (from) $("recordings-list").append(...rows);
    else if (rows.some((row, at) => row !== $("recordings-list").children[at]) || rows.length !== known.size) $("recordings-list").replaceChildren(...rows);
    cursor = page.next_cursor;
    more.hidden = !cursor;
    $("recordings").hidden = $("recordings-list").childElementCount === 0;
  };
  const refresh = () => read(null).catch(() => {});
  more.onclick = () => busy(more, () => read(cursor));
  look = () => void refresh();
  $("recordings-list").replaceChildren();
  $("recordings").hidden = $("saving").hidden = true;
  const off = client.on("state", ({ to }) => to === "online" && look());
  return () => {
    off();
    look = () => {};
  };
}

/** @param {Client} client @param {Item} item @param {(user: string) => string} name @param {() => unknown} changed */
function row(client, item, name, changed) {
  const { recording_id, recorded_by, people, type, bytes, created_at } = item;
  const what = `the recording of ${when(created_at)}`;
  const button = (/** @type {string} */ label, /** @type {(button: HTMLButtonElement) => unknown} */ act) => {
    const made = h("button", { type: "button", "aria-label": `${label} ${what}`, click: () => busy(made, () => act(made)) }, label);
    return made;
  };
  const url = async () => (await client.recordings.get(recording_id)).link?.url ?? "";
  const play = button("Play", async () => {
    const kind = type.startsWith("audio") ? "audio" : "video";
    const player = h(kind, { controls: true, autoplay: true, playsinline: true, src: await url(), "aria-label": `The recording of ${when(created_at)}` });
    play.replaceWith(player);
    player.focus();
  });
  const load = button("Download", async () => h("a", { href: await url(), download: "" }).click());
  const remove = button("Delete", async (pressed) => {
    if (pressed.dataset.sure === undefined) {
      pressed.dataset.sure = "";
      pressed.textContent = "Delete for everybody?";
      pressed.setAttribute("aria-label", `Delete ${what} for everybody?`);
      return;
    }
    await client.recordings.remove(recording_id);
    line.remove();
    $("recordings-title").focus();
    await changed();
  });
  const line = h(
    "li",
    { class: "past", "data-recording-id": recording_id },
    h("strong", {}, list(people.map(name))),
    h("span", { class: "result" }, `${type.startsWith("audio") ? "Audio" : "Video"}, ${size(bytes)}, by ${name(recorded_by)}`),
    h("time", { datetime: created_at }, when(created_at)),
    h("p", { class: "row" }, play, load, remove),
  );
  return line;
}

/** @param {string} id @param {string} words */
function write(id, words) {
  if ($(id).textContent !== words) $(id).textContent = words;
}
