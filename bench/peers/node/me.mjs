// `GET /auth/me`: what both Node functions do. One client, made at the start, with the SDK's own keep-alive.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const { ACCOUNTS_TABLE, REALTIME_TABLE } = process.env;
const REVOCATION = 60_000; // milliseconds that a session is believed without asking

const dynamodb = new DynamoDBClient({ maxAttempts: 4 });
const aliveAt = new Map();

async function get(table, pk, sk, consistent) {
  const key = { pk: { S: pk }, sk: { S: sk } };
  const ask = { TableName: table, Key: key, ConsistentRead: consistent, ReturnConsumedCapacity: "TOTAL" };
  return (await dynamodb.send(new GetItemCommand(ask))).Item;
}

export class Problem extends Error {
  constructor(code, title, remedy) {
    super(title);
    Object.assign(this, { code, title, remedy });
  }

  body(instance) {
    const { code, title, remedy } = this;
    return JSON.stringify({
      type: `https://dchat.dev/problems/${code}`,
      title,
      status: 401,
      code,
      detail: title,
      remedy,
      retry: "no",
      docs: `/docs/problems#${code}`,
      instance,
    });
  }
}

export const invalid = () => new Problem("token_invalid", "The access token is not one of ours", "Sign in again.");
export const expired = () =>
  new Problem("token_expired", "The access token has expired", "Get a new one with POST /auth/refresh.");

// One JSON object per request, as ours.
export function log(id, method, path, status) {
  const said = { level: "INFO", "request.id": id, "http.method": method, "http.path": path, "http.status": status };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

// The token of an Authorization header.
export function bearer(header = "") {
  const [scheme, token] = header.split(" ", 2);
  if (scheme.toLowerCase() === "bearer" && token) return token;
  const remedy = "Send the header Authorization: Bearer with an access token.";
  throw new Problem("token_missing", "The request is not signed in", remedy);
}

// The account of whom a verified token speaks.
export async function me({ sub, sid }) {
  const now = Date.now();
  if (now - (aliveAt.get(sid) ?? 0) >= REVOCATION) {
    if (await get(REALTIME_TABLE, sub, `ended#${sid}`, false)) {
      throw new Problem("session_revoked", "The session was signed out", "Sign in again.");
    }
    aliveAt.set(sid, now);
  }
  const item = await get(ACCOUNTS_TABLE, sub, "account", true);
  if (!item) throw new Problem("account_gone", "The account is gone", "Sign in again.");
  const address = item.password_email?.S;
  const profile = item.linkedin?.M.profile.M;
  const known = profile?.email?.S;
  return {
    id: item.id.S,
    name: item.name.S,
    email: address ?? known ?? null,
    email_verified: (!address || address === known) && profile?.email_verified?.BOOL === true,
    picture: profile?.picture?.S ?? null,
    ways_in: [...(address ? ["password"] : []), ...(item.linkedin ? ["linkedin"] : [])],
    created_at: item.created_at.S,
    updated_at: item.updated_at.S,
  };
}
