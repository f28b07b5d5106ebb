import { createClient } from "/client/client.js";
import { $, busy, noTrouble, trouble } from "./dom.js";
import { pastCalls } from "./history.js";
import { inside } from "./inside.js";
import { people } from "./people.js";
import { recordings } from "./recordings.js";
import { invite, show, stage } from "./stage.js";
import { arrive, demoPeople, welcome } from "./welcome.js";

// Each window is its own person: tokens live as long as the window.
const client = createClient({ storage: sessionStorage });
Object.assign(globalThis, { client });

/** @type {(() => void)[]} */
let leaving = [];
const demo = await demoPeople();

$("trouble-close").onclick = noTrouble;
$("sign-out").onclick = () => busy($("sign-out"), () => client.auth.signOut());
client.on("state", ({ to, reason, doing }) => {
  $("socket").dataset.state = to;
  $("socket-words").textContent = to === "online" ? "online" : `${to}: ${reason.replaceAll("_", " ")}, ${doing}`;
});
client.on("log", ({ what, detail }) => console.debug(what, detail));

await arrive(client, demo.length > 0);
client.on("session", () => view());
client.on("signed_out", ({ reason, problem }) => {
  $("welcome-title").focus();
  if (reason === "session_ended") trouble({ detail: `You are not signed in any more: ${problem?.detail}`, remedy: "Sign in again." });
});
view();

/** @param {string[]} to @param {"audio" | "video"} media */
async function call(to, media) {
  show(await client.calls.start({ to, media }));
}

function view() {
  for (const leave of leaving.splice(0)) leave();
  const { session } = client;
  $("welcome").hidden = session !== null;
  $("page").hidden = $("who").hidden = session === null;
  if (!session) return welcome(client, demo);
  $("my-name").textContent = session.user.name;
  leaving = [people(client, demo, call, invite), stage(client), pastCalls(client, demo), recordings(client, demo), inside(client, demo)];
  void home();
}

/** Connects, and takes up again the call that this window was in before it was reloaded. */
async function home() {
  try {
    await client.open();
    const me = client.session?.user.id;
    const mine = (await client.calls.active()).find(({ participants }) =>
      participants.some(({ user_id, standing, device_id }) => user_id === me && standing === "joined" && device_id === client.device),
    );
    if (mine) show(await client.calls.resume(mine.call_id));
  } catch (problem) {
    if (client.session) trouble(problem);
  }
}
