// A call of two people, from `initiate` until both are told that it is over.
import assert from 'node:assert/strict';
import { Side } from './side.mjs';

const CALL = '/api/webrtc/call';
/** Milliseconds until a call that stands still has failed. */
const PATIENCE = 40_000;

export class Call {
  #number;
  #caller;
  #callee;
  #began;

  constructor(number, caller, callee) {
    this.#number = number;
    this.#caller = new Side(caller, `caller ${number}`);
    this.#callee = new Side(callee, `callee ${number}`);
  }

  get sides() {
    return [this.#caller, this.#callee];
  }

  /** Sets it up, until a message went through the data channel there and back. */
  async begin() {
    this.#began = performance.now();
    this.#caller.offer(`call ${this.#number}`);
    await this.#bounded('connected', this.#call(), this.#answer(), ...this.sides.map((side) => side.complete));
    const [heard] = await this.#bounded('heard', this.#caller.talked, this.#callee.talked);
    assert.equal(heard, `call ${this.#number}, heard`);
  }

  /** Milliseconds from `initiate` until both sides had all of each other and knew that the call is connected. */
  get signalled() {
    return Math.max(...this.sides.flatMap((side) => [side.described.at, side.complete.at, side.connected.at])) - this.#began;
  }

  /** Milliseconds from `initiate` until a message had gone there and back. */
  get talked() {
    return this.#caller.talked.at - this.#began;
  }

  /** Either the one or the other hangs up, and both are told. */
  async hangUp() {
    const { person } = this.sides[this.#number % 2];
    await person.ask('POST', `${CALL}/${this.id}/end`);
    assert.deepEqual(await this.#bounded('ended', ...this.sides.map((side) => side.ended)), ['hung_up', 'hung_up']);
    for (const { calls } of this.sides) assert.deepEqual([...calls], [this.id]);
  }

  close() {
    for (const side of this.sides) side.close();
  }

  async #call() {
    const { person, local } = this.#caller;
    const { call_id } = await person.ask('POST', `${CALL}/initiate`, { participants: [this.#callee.person.id] });
    this.id = call_id;
    const { offer_id } = await person.ask('POST', `${CALL}/${call_id}/offer`, { sdp: await local });
    await this.#caller.apply();
    // Not before: another device of the callee may be the one that rings. Besides, libdatachannel refuses the other's
    // certificate when a packet comes before it has taken the answer.
    this.#caller.sendCandidates({ call_id, offer_id });
    await Promise.all([this.#caller.rang, this.#caller.connected]);
  }

  async #answer() {
    const { person, local, invited, described, connected } = this.#callee;
    const call_id = await invited;
    await person.request('call.ringing', { call_id });
    await this.#callee.apply();
    const { offer_id } = await described;
    const { state } = await person.ask('POST', `${CALL}/${call_id}/answer`, { sdp: await local, offer_id });
    assert.equal(state, 'connected');
    connected.happened();
    this.#callee.sendCandidates({ call_id, offer_id });
  }

  /** All of these, or what stood still. */
  async #bounded(what, ...steps) {
    let patience;
    const late = new Promise((_, reject) => (patience = setTimeout(() => reject(new Error(`not ${what} in time: ${this.#missing()}`)), PATIENCE)));
    try {
      return await Promise.race([Promise.all(steps), late, ...this.sides.map((side) => side.sound)]);
    } finally {
      clearTimeout(patience);
    }
  }

  #missing() {
    const of = (who, side) => side.missing.map((moment) => `${who} ${moment}`);
    return [...of('caller', this.#caller), ...of('callee', this.#callee)].join(', ');
  }
}
