import { $, busy, h, more, renew, trouble, write } from "./dom.js";
import { list, recordingQuestion, recordingSign, SAVING, size, when } from "./words.js";

/**
 * @typedef {import("/client/call.js").Call} Call
 * @typedef {import("/client/client.js").Client} Client
 * @typedef {import("/client/types.js").RecordingItem} Item
 */

/** The recorder still uploads when a recording is over for the others, and the push that says when it is done can be lost. */
const LOOK_AGAIN = [1_000, 4_000, 15_000, 60_000];
/** A link is good for five minutes; one that fails sooner is no better when it is new. */
const RENEW_AFTER = 60_000;

/** @type {() => void} */
let look = () => {};

/** The sign, the question and the buttons of a call's recording. @param {Call} call */
export function recordingOf(call) {
  const question = recordingQuestion(call);
  const { recording, myself } = call;
  const mine = recording?.by === myself.user_id;
  if (!recording || call.isOver) noRecording();
  else {
    write("recording-question", question);
    write("recording-sign", recordingSign(call));
    $("recording").dataset.state = recording.state;
    $("consent").hidden = myself.consent === true;
    $("no-consent").hidden = myself.consent === false || (mine && !question);
  }
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

/** Nothing is recorded now. */
export function noRecording() {
  for (const id of ["recording-question", "recording-sign"]) write(id, "");
  $("consent").hidden = $("no-consent").hidden = true;
  $("recording").dataset.state = "none";
}

/** Says what becomes of what was recorded here, also after the call. @param {Call} call */
export function followRecording(call) {
  call.on("recording", ({ state, problem }) => {
    if (!(state in SAVING)) return;
    write("saving", SAVING[state]);
    if (problem) trouble(problem);
    look();
    if (state === "stopped") LOOK_AGAIN.forEach((ms) => setTimeout(() => look(), ms));
  });
}

/** What is kept, newest first. @param {Client} client @param {import("./welcome.js").DemoPerson[]} demo */
export function recordings(client, demo) {
  const me = client.session?.user.id;
  const name = (/** @type {string} */ user) => (user === me ? "you" : (demo.find(({ user_id }) => user_id === user)?.name ?? "somebody"));
  const older = $("recordings-more");
  const list = $("recordings-list");
  /** @type {string | null} */
  let cursor = null;
  const read = async (/** @type {string | null} */ from) => {
    const page = await client.recordings.list({ limit: 5, cursor: from });
    const how = { id: (/** @type {Item} */ item) => item.recording_id, row: (/** @type {Item} */ item) => row(client, item, name, refresh), isAll: !page.next_cursor };
    if (from) more(list, page.items.map(how.row));
    if (from || !renew(list, page.items, how)) cursor = page.next_cursor;
    older.hidden = !cursor;
    $("recordings").hidden = list.childElementCount === 0;
  };
  const refresh = () => read(null).catch(() => {});
  older.onclick = () => busy(older, () => read(cursor));
  look = () => void refresh();
  list.replaceChildren();
  $("recordings").hidden = true;
  write("saving", "");
  const off = [client.on("state", ({ to }) => to === "online" && look()), client.on("kept", () => look())];
  return () => {
    off.forEach((stop) => stop());
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
    renewed(player, url);
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
    { class: "past", "data-id": recording_id },
    h("strong", {}, list(people.map(name))),
    h("span", { class: "result" }, `${type.startsWith("audio") ? "Audio" : "Video"}, ${size(bytes)}, by ${name(recorded_by)}`),
    h("time", { datetime: created_at }, when(created_at)),
    h("p", { class: "row" }, play, load, remove),
  );
  return line;
}

/** Goes on from where its link ran out. @param {HTMLMediaElement} player @param {() => Promise<string>} url */
function renewed(player, url) {
  let since = Date.now();
  player.addEventListener("error", async () => {
    if (Date.now() - since < RENEW_AFTER) return trouble({ detail: "the recording cannot be played", remedy: "Download it." });
    since = Date.now();
    const { currentTime, paused } = player;
    try {
      player.src = await url();
      player.currentTime = currentTime;
      if (!paused) await player.play();
    } catch (problem) {
      trouble(problem);
    }
  });
}
