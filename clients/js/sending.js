import { capture, captureScreen, stop } from "./media.js";

/** What this side sends: microphone and camera, and the screen in the camera's place while it is shared. */
export class Sending {
  /** @type {MediaStream | null} */
  screen = null;
  muted = { audio: false, video: false };
  /** On hold nothing is sent, whatever is muted. */
  held = false;

  /** @param {MediaStream} stream @param {MediaStream | null} screen */
  constructor(stream, screen) {
    this.stream = stream;
    this.screen = screen;
    this.muted.video = stream.getVideoTracks().length === 0;
  }

  /** @returns {MediaStreamTrack | null} */
  get picture() {
    return (this.screen ?? this.stream).getVideoTracks()[0] ?? null;
  }

  /** @returns {MediaStreamTrack[]} */
  get tracks() {
    return [...this.stream.getAudioTracks(), ...(this.picture ? [this.picture] : [])];
  }

  /** What the others are told. @returns {import("./types.js").Media} */
  get media() {
    return { audio: !this.muted.audio, video: !this.muted.video, screen: Boolean(this.screen), hold: this.held };
  }

  /** Unmuting a picture that was never there turns the camera on. @param {"audio" | "video"} kind @param {boolean} on */
  async mute(kind, on) {
    if (kind === "video" && !on && this.stream.getVideoTracks().length === 0) {
      const [camera] = (await capture({ audio: false, video: true })).getVideoTracks();
      this.stream.addTrack(camera);
    }
    this.muted[kind] = on;
    this.#apply();
  }

  /** @param {boolean} on */
  hold(on) {
    this.held = on;
    this.#apply();
  }

  /** @param {boolean} on @param {() => void} stopped the person ended it in the browser's own bar */
  async share(on, stopped) {
    stop(this.screen);
    this.screen = null;
    if (!on) return;
    this.screen = await captureScreen();
    this.screen.getVideoTracks()[0].onended = stopped;
    this.#apply();
  }

  stop() {
    stop(this.stream);
    stop(this.screen);
  }

  #apply() {
    for (const track of this.stream.getTracks()) track.enabled = !this.held && !this.muted[/** @type {"audio" | "video"} */ (track.kind)];
    for (const track of this.screen?.getTracks() ?? []) track.enabled = !this.held;
  }
}
