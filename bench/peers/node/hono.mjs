// The usual Node function: Hono by its own Lambda adapter, and jose for the token.
import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { createLocalJWKSet, errors, jwtVerify } from "jose";
import { Problem, bearer, expired, invalid, log, me } from "./me.mjs";
import { run } from "./loop.mjs";

const keys = createLocalJWKSet(JSON.parse(process.env.TOKEN_KEYS));
const ours = {
  algorithms: ["EdDSA"],
  typ: "at+jwt",
  issuer: process.env.TOKEN_ISSUER,
  audience: "dchat",
  requiredClaims: ["exp", "sub"],
};

const app = new Hono();
app.use(async (context, next) => {
  await next();
  log(context.req.header("x-request-id"), context.req.method, context.req.path, context.res.status);
});
app.use(async (context, next) => {
  const token = bearer(context.req.header("authorization"));
  const verified = await jwtVerify(token, keys, ours).catch((error) => {
    throw error instanceof errors.JWTExpired ? expired() : invalid();
  });
  context.set("claims", verified.payload);
  await next();
});
app.get("/auth/me", async (context) => context.json(await me(context.get("claims"))));
app.onError((problem, context) => {
  if (!(problem instanceof Problem)) throw problem;
  const type = { "content-type": "application/problem+json", "www-authenticate": "Bearer" };
  return context.body(problem.body(context.req.header("x-request-id")), 401, type);
});

run(handle(app));
