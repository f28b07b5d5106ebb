// A TURN client as small as it can be: asks for an allocation and for permissions, and says what it was answered
// (RFC 8489, RFC 8656). It never sends anything to a peer.
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv4 } from "node:net";

const MAGIC = 0x2112a442;
const ALLOCATE = 0x003;
const CREATE_PERMISSION = 0x008;
const CHANNEL_BIND = 0x009;
const [USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, CHANNEL_NUMBER, XOR_PEER_ADDRESS, REALM, NONCE, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT] =
  [0x0006, 0x0008, 0x0009, 0x000c, 0x0012, 0x0014, 0x0015, 0x0017, 0x0019];

function attribute(type, value) {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function header(type, length, id) {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(length, 2);
  head.writeUInt32BE(MAGIC, 4);
  return Buffer.concat([head, id]);
}

/** The 4 or 16 bytes of an address. */
function bytesOf(address) {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const dotted = address.match(/^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/);
  if (dotted) {
    const [a, b, c, d] = dotted.slice(2).map(Number);
    return bytesOf(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const [before, after] = address.split("::").map((part) => (part ? part.split(":") : []));
  const groups = after ? [...before, ...Array(8 - before.length - after.length).fill("0"), ...after] : before;
  return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

function xorPeer(address, port, id) {
  const bytes = bytesOf(address);
  const key = Buffer.concat([header(0, 0, id).subarray(4, 8), id]);
  const masked = bytes.map((byte, i) => byte ^ key[i]);
  const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(port ^ (MAGIC >>> 16), 2);
  return attribute(XOR_PEER_ADDRESS, Buffer.concat([head, masked]));
}

function parse(message) {
  const attributes = new Map();
  for (let at = 20; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2);
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  const error = attributes.get(ERROR_CODE);
  return { attributes, status: error ? error[2] * 100 + error[3] : 200 };
}

async function channel(kind, port, address) {
  if (kind === "udp") {
    const socket = createSocket(isIPv4(address) ? "udp4" : "udp6");
    await new Promise((done) => socket.connect(port, address, done));
    return { send: (bytes) => socket.send(bytes), hear: (listener) => socket.on("message", listener), close: () => socket.close() };
  }
  const socket = connect(port, address);
  await new Promise((done, failed) => socket.once("connect", done).once("error", failed));
  return { send: (bytes) => socket.write(bytes), hear: (listener) => socket.on("data", listener), close: () => socket.destroy() };
}

/** Somebody who talks to a TURN server with this name and credential. */
export class TurnClient {
  #channel;
  #waiting = new Map();
  #who;
  #session;

  static async to({ port, address = "127.0.0.1", over = "udp" }, { username, credential }) {
    const client = new TurnClient();
    client.#who = { username, credential };
    client.#channel = await channel(over, port, address);
    client.#channel.hear((message) => client.#waiting.get(message.subarray(8, 20).toString("hex"))?.(parse(message)));
    return client;
  }

  /** Asks for an allocation: 200, or the error. */
  async allocate({ family = "udp4", transport = 17 } = {}) {
    const want = [attribute(REQUESTED_TRANSPORT, [transport, 0, 0, 0]), attribute(REQUESTED_ADDRESS_FAMILY, [family === "udp6" ? 2 : 1, 0, 0, 0])];
    const challenge = await this.#ask(ALLOCATE, () => want, false);
    if (challenge.status !== 401) return challenge.status;
    this.#session = { realm: challenge.attributes.get(REALM), nonce: challenge.attributes.get(NONCE) };
    return (await this.#ask(ALLOCATE, () => want)).status;
  }

  /** Asks to be let through to a peer: 200, or the error. */
  async permit(peer) {
    return (await this.#ask(CREATE_PERMISSION, (id) => [xorPeer(peer, 0, id)])).status;
  }

  /** The same by binding a channel to one of its ports. */
  async bind(peer, port, number) {
    const named = Buffer.from([number >> 8, number & 0xff, 0, 0]);
    return (await this.#ask(CHANNEL_BIND, (id) => [attribute(CHANNEL_NUMBER, named), xorPeer(peer, port, id)])).status;
  }

  close() {
    this.#channel.close();
  }

  async #ask(type, attributes, signed = true) {
    const id = randomBytes(12);
    let parts = attributes(id);
    if (signed) {
      const { username, credential } = this.#who;
      const { realm, nonce } = this.#session;
      parts = [...parts, attribute(USERNAME, username), attribute(REALM, realm), attribute(NONCE, nonce)];
      const body = Buffer.concat(parts);
      const key = createHash("md5").update(`${username}:${realm}:${credential}`).digest();
      const integrity = createHmac("sha1", key).update(Buffer.concat([header(type, body.length + 24, id), body])).digest();
      parts.push(attribute(MESSAGE_INTEGRITY, integrity));
    }
    const body = Buffer.concat(parts);
    const answer = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("the TURN server did not answer within 5 s")), 5_000);
      this.#waiting.set(id.toString("hex"), (message) => resolve((clearTimeout(late), message)));
    });
    this.#channel.send(Buffer.concat([header(type, body.length, id), body]));
    return answer;
  }
}
