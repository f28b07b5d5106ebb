import { $, avatar, busy, h, trouble } from "./dom.js";
import { canCall } from "./people.js";
import { bars, chart } from "./quality.js";
import { clock, doing, namesOf, TYPES } from "./words.js";

/**
 * @typedef {import("/client/call.js").Call} Call
 * @typedef {import("/client/client.js").Client} Client
 */

/** The last report is on its way when a call is over. */
const LAST_REPORT = 1_500;

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
  };
}

/** Puts a call on the panel until it is over. @param {Call} call */
export function show(call) {
  current = call;
  $("sound").replaceChildren();
  Object.assign(globalThis, { call });
  canCall(false);
  $("controls").hidden = false;
  const draw = () => {
    tiles(call);
    buttons(call);
    say(call);
  };
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
  if ($("call-state").textContent !== words) $("call-state").textContent = words;
}

/** @param {Call} call */
function time(call) {
  const seconds = call.since ? Math.max(0, Math.floor((Date.now() - Date.parse(call.since)) / 1000)) : 0;
  $("call-clock").textContent = call.state === "connected" ? clock(seconds) : "";
}

/** @param {Call} call */
function tiles(call) {
  if (call.isOver) return;
  const wanted = new Set(["me"]);
  for (const { user_id, name } of call.others) {
    const stream = call.remote.get(user_id);
    if (!stream) continue;
    wanted.add(user_id);
    const sends = call.media.get(user_id) ?? { video: true, screen: false };
    const tile = picture(user_id, name, stream);
    tile.dataset.video = String(hasPicture(stream) && (sends.video || sends.screen));
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

/** @param {Call} call */
function buttons(call) {
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
      });
    };
  }
}
