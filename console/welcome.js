import { $, avatar, busy, h, noTrouble, trouble } from "./dom.js";
import { first } from "./words.js";

/** @typedef {{ user_id: string, handle: string, name: string }} DemoPerson */

/** The people of a local server; a deployed one has none. @returns {Promise<DemoPerson[]>} */
export async function demoPeople() {
  try {
    const answer = await fetch("/local/people");
    return answer.ok ? (await answer.json()).items : [];
  } catch {
    return [];
  }
}

/** Where a demo person's one-time code leads. @param {string} handle @returns {Promise<string>} */
export async function enter(handle) {
  const answer = await fetch(`/local/people/${encodeURIComponent(handle)}/enter`, { method: "POST" });
  const body = await answer.json();
  if (!answer.ok) throw body;
  return body.url;
}

/**
 * The page for who is not signed in.
 * @param {import("/client/client.js").Client} client
 * @param {DemoPerson[]} people
 */
export function welcome(client, people) {
  $("demo").hidden = $("linkedin-hint").hidden = people.length === 0;
  $("ways-title").textContent = people.length === 0 ? "Sign in" : "Or sign in";
  $("demo-people").replaceChildren(...people.map(demoButton));
  $("linkedin").onclick = () => busy($("linkedin"), () => client.auth.withLinkedIn("/"));

  const form = /** @type {HTMLFormElement} */ ($("password-form"));
  form.onsubmit = (event) => {
    event.preventDefault();
    const account = /** @type {{ email: string, password: string, name: string }} */ (Object.fromEntries(new FormData(form)));
    const fresh = event.submitter === $("register");
    void busy(form, async () => {
      clear(form);
      try {
        if (fresh) await client.auth.register(account);
        else await client.auth.withPassword(account.email, account.password);
        form.reset();
      } catch (problem) {
        if (!mark(form, problem)) throw problem;
      }
    });
  };
}

/** @param {DemoPerson} person */
function demoButton({ handle, name }) {
  const click = (/** @type {Event & { currentTarget: HTMLElement }} */ { currentTarget }) =>
    busy(currentTarget, async () => location.assign(await enter(handle)));
  return h("button", { type: "button", "data-enter": handle, click }, avatar(name), h("span", {}, `Enter as ${first(name)}`));
}

/** Says at each field what is wrong with it. @param {HTMLFormElement} form @param {any} problem */
function mark(form, problem) {
  const wrong = (problem.fields ?? []).filter((/** @type {any} */ { pointer }) => form.elements.namedItem(pointer.slice(1)));
  for (const { pointer, detail } of wrong) {
    const input = /** @type {HTMLInputElement} */ (form.elements.namedItem(pointer.slice(1)));
    const id = `${input.id}-wrong`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.after(h("span", { id, class: "wrong" }, detail));
  }
  const [first] = form.querySelectorAll("[aria-invalid]");
  if (first instanceof HTMLElement) first.focus();
  return wrong.length > 0;
}

/** @param {HTMLFormElement} form */
function clear(form) {
  for (const note of form.querySelectorAll(".wrong")) note.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/**
 * Takes what a sign-in left in the address: a code, an error, or whom this window is for.
 * @param {import("/client/client.js").Client} client
 * @param {boolean} local only a local server makes links that enter
 */
export async function arrive(client, local) {
  const query = new URLSearchParams(location.search);
  history.replaceState(null, "", location.pathname + location.hash);
  noTrouble();
  try {
    const [code, person] = [query.get("code"), query.get("as")];
    const link = query.get("enter") ?? (person && new URL(await enter(person), location.href).searchParams.get("enter"));
    if (code) await client.auth.withCode(code);
    else if (link && local) await client.auth.enter(link);
    const error = query.get("error");
    const remedy = client.session ? "" : "You are not signed in. Try again, or take another way in.";
    if (error) trouble({ detail: query.get("error_description") ?? error, remedy });
    if (query.has("linked")) trouble({ detail: "Your LinkedIn account is linked", remedy: "Next time you can sign in with it." });
  } catch (problem) {
    trouble(problem);
  }
}
