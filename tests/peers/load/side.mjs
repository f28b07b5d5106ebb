// One end of a call: a real PeerConnection, and what Dchat carries between it and the other end.
import assert from 'node:assert/strict';
import { PeerConnection } from 'node-datachannel';

/** Happens once; awaited, it is what it happened with. `at` is when, in milliseconds. */
function moment() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  promise.happened = (what) => {
    promise.at ??= performance.now();
    resolve(what);
  };
  return promise;
}

/** Milliseconds between two signs of life. */
const HEARTBEAT = 20_000;

export class Side {
  /** What the server told: that there is a call, that it rings, the other's description and last candidate, the two ends. */
  invited = moment();
  rang = moment();
  described = moment();
  complete = moment();
  connected = moment();
  ended = moment();
  /** The connection's own description, and a message of the other side through the data channel. */
  local = moment();
  talked = moment();
  /** Messages with candidates that came from the other side. */
  messages = 0;
  /** Everything that was said was about one call. */
  calls = new Set();

  #pc;
  /** Held here, because one that nobody holds is closed. */
  #channel;
  #mine = [];
  #gathered = false;
  #taken = null;
  #sent = 0;
  #theirs = [];
  #fail;
  #heartbeat;

  constructor(person, name) {
    this.person = person;
    /** Rejected as soon as something goes wrong that nobody waits for. */
    this.sound = new Promise((_, reject) => (this.#fail = reject));
    this.sound.catch(() => {});
    this.#pc = new PeerConnection(name, { iceServers: [] });
    this.#pc.onLocalDescription((sdp) => this.local.happened(sdp));
    this.#pc.onLocalCandidate((line, sdpMid) => this.#mine.push({ candidate: line.replace(/^a=/, ''), sdpMid }));
    this.#pc.onGatheringStateChange((state) => {
      if (state !== 'complete' || this.#gathered) return;
      this.#gathered = true;
      this.#mine.push({ candidate: '' });
      this.#flush();
    });
    this.#pc.onDataChannel((channel) => {
      this.#channel = channel;
      channel.onMessage((text) => {
        this.talked.happened(text);
        this.#say(`${text}, heard`);
      });
    });
    person.on('push', this.#hear);
  }

  /** Describes itself with a data channel, through which it says `text` as soon as it is open. */
  offer(text) {
    this.#channel = this.#pc.createDataChannel('talk');
    this.#channel.onOpen(() => this.#say(text));
    this.#channel.onMessage((heard) => this.talked.happened(heard));
  }

  /** What has not happened. */
  get missing() {
    return Object.keys(this).filter((name) => this[name].happened && this[name].at === undefined);
  }

  /** Takes the other's description; whoever did not offer describes itself then. */
  async apply() {
    const { sdp, type } = await this.described;
    this.#pc.setRemoteDescription(sdp, type);
    for (const candidate of this.#theirs.splice(0)) this.#add(candidate);
    this.#theirs = null;
  }

  /** The other side can use them now: what was gathered until now goes, and the rest when there is no more. */
  sendCandidates(taken) {
    this.#taken = taken;
    this.#flush();
  }

  close() {
    clearInterval(this.#heartbeat);
    this.person.off('push', this.#hear);
    this.#pc.close();
  }

  #flush() {
    const candidates = this.#mine.slice(this.#sent);
    if (!this.#taken || candidates.length === 0) return;
    this.#sent = this.#mine.length;
    const sent = this.person.request('call.candidates', { ...this.#taken, candidates });
    sent.then(({ delivered }) => assert(delivered, 'candidates reached nobody')).catch(this.#fail);
  }

  /** What is thrown in a callback of libdatachannel ends the process. */
  #say(text) {
    try {
      this.#channel.sendMessage(text);
    } catch (error) {
      this.#fail(error);
    }
  }

  #add({ candidate, sdpMid }) {
    try {
      if (candidate) this.#pc.addRemoteCandidate(candidate, sdpMid);
    } catch (error) {
      this.#fail(error);
    }
  }

  #stay({ call_id, participants }) {
    const { generation } = participants.find(({ user_id }) => user_id === this.person.id);
    clearInterval(this.#heartbeat);
    const beat = async () => {
      const { call } = await this.person.request('ping', { call: { call_id, generation } });
      if (call.renewed) return assert.equal(call.renewed.generation, generation);
      // It was said while the call ended; how it did is looked at elsewhere.
      assert.equal(call.refused.code, 'call_over');
      await this.ended;
    };
    this.#heartbeat = setInterval(() => beat().catch(this.#fail), HEARTBEAT);
  }

  #hear = (event, data) => {
    this.calls.add(data.call_id ?? data.call?.call_id);
    if (event === 'call.invited') this.invited.happened(data.call.call_id);
    if (event === 'call.changed' && data.call.state === 'ringing') this.rang.happened();
    if (event === 'call.changed' && data.call.state === 'connected') {
      this.connected.happened();
      this.#stay(data.call);
    }
    if (event === 'call.ended') {
      clearInterval(this.#heartbeat);
      this.ended.happened(data.call.reason);
    }
    if (event === 'call.offer' || event === 'call.answer') this.described.happened(data);
    if (event !== 'call.candidates') return;
    this.messages += 1;
    for (const candidate of data.candidates) {
      if (this.#theirs) this.#theirs.push(candidate);
      else this.#add(candidate);
    }
    if (data.candidates.some(({ candidate }) => candidate === '')) this.complete.happened();
  };
}
