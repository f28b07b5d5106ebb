import { $, avatar, busy, h, trouble, write } from "./dom.js";
import { canCall } from "./people.js";
import { bars, chart } from "./quality.js";
import { followRecording, noRecording, recordingOf } from "./recordings.js";
import { clock, doing, namesOf, note, part, TYPES } from "./words.js";

/**
 * @typedef {import("/client/call.js").Call} Call
 * @typedef {import("/client/client.js").Client} Client
 */

/** The last report is on its way when a call is over. */
const LAST_REPORT = 1_500;

/** In the call, or asked into it. */
const PRESENT = new Set(["invited", "ringing", "joined"]);

/** @type {Call | null} */
let current = null;

/**
 * The call panel and the dialog of an incoming call.
 * @param {Client} client
 */
export function stage(client) {
  /** @type {Call[]} */
  const ringing = [];
  const dialog = /** @type {HTMLDialogElement} */ ($("incoming"));
  const title = document.title;

  const ring = () => {
    const [call] = ringing;
    document.title = call ? `${namesOf(call.others)} is calling` : title;
    if (!call) return dialog.close();
    const caller = call.participants.find(({ user_id }) => user_id === call.caller_id)?.name;
    $("incoming-title").textContent = `${caller} is calling`;
    $("incoming-what").textContent = `${TYPES[call.type]} call.${current ? " Accepting ends the present call." : ""}`;
    $("accept-audio").hidden = call.type !== "video";
    $("say-busy").hidden = !call.isWaiting;
    if (!dialog.open) dialog.showModal();
  };
  const quiet = (/** @type {Call} */ call) => {
    const at = ringing.indexOf(call);
    if (at >= 0) ringing.splice(at, 1);
    ring();
  };
  const pickUp = (/** @type {boolean} */ video) => {
    const [call] = ringing;
    if (!call) return;
    void busy(dialog, async () => {
      await current?.hangUp();
      try {
        await call.accept({ video: video && call.type === "video" });
      } catch (problem) {
        if (!call.isOver) throw problem;
      }
    });
  };

  $("accept").onclick = () => pickUp(true);
  $("accept-audio").onclick = () => pickUp(false);
  $("decline").onclick = () => void ringing[0]?.decline();
  $("say-busy").onclick = () => void ringing[0]?.decline({ busy: true });
  // Escape neither answers nor declines: both are decisions.
  dialog.oncancel = (event) => event.preventDefault();

  const off = client.on("call", (call) => {
    ringing.push(call);
    ring();
    call.on("state", () => {
      if (call.local && !call.isOver && current !== call) show(call);
      if (call.state !== "ringing" || call.local) quiet(call);
      if (call.isOver && !current) say(call);
    });
  });
  const tick = setInterval(() => current && time(current), 1_000);
  controls();
  say(null);
  return () => {
    off();
    clearInterval(tick);
    ringing.length = 0;
    ring();
    current = null;
    $("tiles").replaceChildren();
    $("sound").replaceChildren();
    leave();
  };
}

/** Nothing is left of a call but its tiles' place. */
function leave() {
  $("roster").hidden = true;
  write("call-note", "");
  noRecording();
}

/** Asks people into the present call. @param {string[]} whom */
export async function invite(whom) {
  await current?.invite(whom);
}

/** Puts a call on the panel until it is over. @param {Call} call */
export function show(call) {
  if (current === call) return;
  current = call;
  said.clear();
  $("sound").replaceChildren();
  write("saving", "");
  Object.assign(globalThis, { call });
  canCall(false);
  $("controls").hidden = false;
  const draw = () => {
    if (current !== call) return;
    tiles(call);
    buttons(call);
    roster(call);
    recordingOf(call);
    say(call);
  };
  call.on("ending", draw);
  call.on("recording", draw);
  followRecording(call);
  call.on("stream", draw);
  call.on("people", draw);
  call.on("media", draw);
  call.on("quality", draw);
  call.on("state", () => {
    if (call.isOver && current === call) {
      clear();
      setTimeout(() => void sounded(call), LAST_REPORT);
    } else draw();
    say(call);
  });
  draw();
  $("stage-title").focus();
}

export const isBusy = () => current !== null;

function clear() {
  current = null;
  const lost = $("controls").contains(document.activeElement);
  $("controls").hidden = true;
  $("tiles").replaceChildren();
  leave();
  $("call-clock").textContent = "";
  canCall(true);
  if (lost) $("stage-title").focus();
}

/** Draws how a call sounded, unless there is another one by now. @param {Call} call */
async function sounded(call) {
  const { client } = /** @type {{ client: Client }} */ (/** @type {unknown} */ (globalThis));
  const me = client.session?.user.id;
  if (!me) return;
  const name = (/** @type {string} */ user) => (user === me ? "You" : (call.participants.find(({ user_id }) => user_id === user)?.name ?? "Somebody"));
  const drawn = chart(await client.calls.quality(call.id).catch(() => ({ directions: [] })), name);
  if (drawn && !current && client.session?.user.id === me) $("sound").replaceChildren(drawn);
}

/** @param {Call | null} call */
function say(call) {
  $("stage").dataset.state = call?.state ?? "none";
  $("stage").dataset.reason = call?.reason ?? "";
  $("no-call").hidden = call !== null && !call.isOver;
  const words = call ? doing(call) : "";
  write("call-state", words);
  remark(call);
}

/** @param {Call | null} call */
function remark(call) {
  const words = call && !call.isOver ? note(call, Date.now()) : "";
  write("call-note", words);
}

/** @param {Call} call */
function time(call) {
  const seconds = call.since ? Math.max(0, Math.floor((Date.now() - Date.parse(call.since)) / 1000)) : 0;
  $("call-clock").textContent = call.state === "connected" ? clock(seconds) : "";
  remark(call);
}

/** @param {Call} call */
function tiles(call) {
  if (call.isOver) return;
  const wanted = new Set(["me"]);
  for (const { user_id, name } of call.others) {
    const stream = call.remote.get(user_id);
    if (!stream) continue;
    wanted.add(user_id);
    const sends = call.media.get(user_id) ?? { video: true, screen: false, hold: false };
    const tile = picture(user_id, name, stream);
    tile.dataset.video = String(hasPicture(stream) && (sends.video || sends.screen) && !sends.hold);
    const reading = call.quality.get(user_id);
    if (reading) tile.querySelector("figcaption")?.replaceChildren(name, bars(reading));
  }
  const mine = picture("me", "You", call.screen ?? call.local);
  mine.dataset.video = String(Boolean(call.screen) || (hasPicture(call.local) && !call.muted.video));
  mine.classList.toggle("screen", Boolean(call.screen));
  for (const tile of $("tiles").querySelectorAll(".tile")) {
    if (!wanted.has(/** @type {HTMLElement} */ (tile).dataset.user ?? "")) tile.remove();
  }
}

/** @param {MediaStream | null} stream */
const hasPicture = (stream) => Boolean(stream?.getVideoTracks().length);

/** @param {string} user @param {string} name @param {MediaStream | null} stream */
function picture(user, name, stream) {
  const mine = user === "me";
  let tile = /** @type {HTMLElement | null} */ (document.querySelector(`.tile[data-user="${user}"]`));
  if (!tile) {
    const video = h("video", { autoplay: true, playsinline: true });
    video.muted = mine;
    tile = h("figure", { class: mine ? "tile mine" : "tile", "data-user": user }, avatar(name), video, h("figcaption", {}, name));
    $("tiles")[mine ? "append" : "prepend"](tile);
  }
  const video = /** @type {HTMLVideoElement} */ (tile.querySelector("video"));
  if (video.srcObject !== stream) video.srcObject = stream;
  return tile;
}

/** Who is in a group, and how. @param {Call} call */
function roster(call) {
  const list = $("roster");
  list.hidden = call.isOver || call.others.length < 2;
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.remove;
  for (const button of $("people").querySelectorAll("[data-user] [data-invite]")) {
    const user = /** @type {HTMLElement | null} */ (button.closest("[data-user]"))?.dataset.user;
    const here = call.participants.some(({ user_id, standing }) => user_id === user && PRESENT.has(standing));
    /** @type {HTMLButtonElement} */ (button).disabled = here;
  }
  list.replaceChildren(...(list.hidden ? [] : call.participants.map((person) => member(call, person))));
  if (focused) /** @type {HTMLElement} */ (list.querySelector(`[data-remove="${focused}"]`) ?? $("stage-title")).focus();
  const news = list.hidden ? [] : call.others.flatMap((person) => comings(call, person));
  if (news.length > 0) write("roster-news", news.join(" "));
}

/** How people stood when that was said last. @type {Map<string, string>} */
const said = new Map();

/** Who came or went since then. @param {Call} call @param {import("/client/types.js").Participant} person */
function comings(call, person) {
  const { user_id, name, standing, away } = person;
  const now = standing === "joined" && !away ? "is in the call" : part(call, person);
  const before = said.get(user_id);
  said.set(user_id, now);
  return before === undefined || before === now ? [] : [`${name} ${now}.`];
}

/** @param {Call} call @param {import("/client/types.js").Participant} person */
function member(call, person) {
  const { user_id, name, standing, away } = person;
  const mine = !call.others.includes(person);
  const line = h("li", { "data-member": user_id, "data-standing": standing, "data-away": String(away) }, h("strong", {}, mine ? "You" : name));
  if (user_id === call.host_id) line.append(h("span", { class: "mark" }, "host"));
  if (!mine) line.append(h("span", { class: "hint" }, part(call, person)));
  if (!mine && PRESENT.has(standing) && call.isHost) {
    const remove = h("button", { type: "button", class: "quiet", "data-remove": user_id, "aria-label": `Remove ${name}`, click: () => busy(remove, () => call.remove(user_id)) }, "Remove");
    line.append(remove);
  }
  return line;
}

/** @param {Call} call */
function buttons(call) {
  $("hold").setAttribute("aria-pressed", String(call.held));
  $("mute").setAttribute("aria-pressed", String(call.muted.audio));
  $("camera").setAttribute("aria-pressed", String(call.muted.video));
  $("share").setAttribute("aria-pressed", String(Boolean(call.screen)));
}

function controls() {
  /** @type {[string, (call: Call) => unknown][]} */
  const actions = [
    ["mute", (call) => call.mute("audio", !call.muted.audio)],
    ["camera", (call) => call.mute("video", !call.muted.video)],
    ["share", (call) => call.shareScreen(!call.screen)],
    ["hold", (call) => call.hold(!call.held)],
    ["hang-up", (call) => call.hangUp()],
  ];
  for (const [id, act] of actions) {
    const button = $(id);
    button.onclick = () => {
      const call = current;
      if (!call) return trouble({ detail: "there is no call" });
      void busy(button, async () => {
        await act(call);
        if (call.isOver) return;
        tiles(call);
        buttons(call);
        say(call);
      });
    };
  }
}
