// The leanest Node function: no framework, and the token verified by Node's own crypto.
import { createPublicKey, verify } from "node:crypto";
import { Problem, bearer, expired, invalid, log, me } from "./me.mjs";
import { run } from "./loop.mjs";

const jwks = JSON.parse(process.env.TOKEN_KEYS).keys;
const keys = new Map(jwks.map((key) => [key.kid, createPublicKey({ key, format: "jwk" })]));

const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));

function claims(token) {
  let said;
  try {
    const [head, body, signature] = token.split(".");
    const { alg, typ, kid } = decode(head);
    const signed = verify(null, Buffer.from(`${head}.${body}`), keys.get(kid), Buffer.from(signature, "base64url"));
    said = decode(body);
    const ours = said.iss === process.env.TOKEN_ISSUER && said.aud === "dchat" && said.sub && said.exp;
    if (alg !== "EdDSA" || typ !== "at+jwt" || !signed || !ours) throw invalid();
  } catch {
    throw invalid();
  }
  if (Date.now() / 1000 >= said.exp) throw expired();
  return said;
}

run(async ({ rawPath, headers }) => {
  if (rawPath !== "/auth/me") return { statusCode: 404 };
  try {
    const body = JSON.stringify(await me(claims(bearer(headers.authorization))));
    log(headers["x-request-id"], "GET", rawPath, 200);
    return { statusCode: 200, headers: { "content-type": "application/json" }, body };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    log(headers["x-request-id"], "GET", rawPath, 401);
    const type = { "content-type": "application/problem+json", "www-authenticate": "Bearer" };
    return { statusCode: 401, headers: type, body: problem.body(headers["x-request-id"]) };
  }
});
