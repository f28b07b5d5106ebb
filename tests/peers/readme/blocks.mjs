// The fenced blocks of the documents that a reader may paste.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

const RUN = { sh: "sh", bash: "sh", shell: "sh", console: "sh", js: "js", mjs: "js", javascript: "js" };

/** @returns {Promise<string[]>} paths from the root */
export async function documents() {
  const docs = (await readdir(`${ROOT}docs`)).filter((name) => name.endsWith(".md")).sort();
  return ["README.md", "clients/js/README.md", ...docs.map((name) => `docs/${name}`)];
}

/**
 * What can be run in a document, in its order; `answer` is the JSON that the document shows right below.
 * @param {string} file
 */
export async function blocks(file) {
  const text = await readFile(ROOT + file, "utf8");
  const all = [...text.matchAll(/^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```/gm)].map(([whole, , language, code], i, { [i]: { index } }) => ({ language, code: code.trimEnd(), index, end: index + whole.length }));
  return all.flatMap(({ language, code, index, end }, i) => {
    const kind = RUN[language.toLowerCase()];
    if (!kind) return [];
    const next = all[i + 1];
    const answer = next?.language === "json" && text.slice(end, next.index).trim() === "" ? JSON.parse(next.code) : null;
    const line = text.slice(0, index).split("\n").length;
    return [{ file, line, kind, code, answer }];
  });
}

/**
 * Says where an answer differs from the shown one: `…` stands for anything, a time for any time.
 * @param {any} shown @param {any} got @param {string} [at]
 * @returns {string[]}
 */
export function differences(shown, got, at = "") {
  if (typeof shown === "string" && typeof got === "string") {
    if (!Number.isNaN(Date.parse(shown)) && /^\d{4}-/.test(shown)) return Number.isNaN(Date.parse(got)) ? [`${at}: ${got} is no time`] : [];
    const pattern = new RegExp(`^${shown.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*")}$`);
    return pattern.test(got) ? [] : [`${at}: ${got} instead of ${shown}`];
  }
  if (shown && got && typeof shown === "object" && typeof got === "object") {
    return [...new Set([...Object.keys(shown), ...Object.keys(got)])].flatMap((key) => {
      if (!(key in got)) return [`${at}/${key} is not in the answer`];
      if (!(key in shown)) return [`${at}/${key} is in the answer and not in the document`];
      return differences(shown[key], got[key], `${at}/${key}`);
    });
  }
  return shown === got ? [] : [`${at}: ${got} instead of ${shown}`];
}
