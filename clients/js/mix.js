/** One picture of everybody, and an hour of it below the gigabyte that a person may keep. */
const [WIDTH, HEIGHT, FRAMES] = [960, 540, 12];
const BITS = { videoBitsPerSecond: 1_000_000, audioBitsPerSecond: 64_000 };

/** Sound of several tracks added up, and their pictures side by side. */
export class Mix {
  #context = new AudioContext();
  #sum = this.#context.createMediaStreamDestination();
  /** What undoes a track. @type {Map<MediaStreamTrack, () => void>} */
  #sounds = new Map();
  /** @type {Map<MediaStreamTrack, HTMLVideoElement>} */
  #pictures = new Map();
  /** @type {HTMLCanvasElement | null} */
  #canvas = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {boolean} video */
  constructor(video) {
    if (video) {
      this.#canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
      this.#timer = setInterval(() => this.#draw(), 1_000 / FRAMES);
      this.#draw();
    }
  }

  /** @param {string} mimeType */
  recorder(mimeType) {
    const pictures = this.#canvas?.captureStream(FRAMES).getVideoTracks() ?? [];
    return new MediaRecorder(new MediaStream([...this.#sum.stream.getAudioTracks(), ...pictures]), { mimeType, ...BITS });
  }

  /** From now on exactly these are in it. @param {MediaStreamTrack[]} tracks */
  take(tracks) {
    const live = new Set(tracks.filter(({ readyState }) => readyState === "live"));
    for (const [track, undo] of this.#sounds) if (!live.has(track) && this.#sounds.delete(track)) undo();
    for (const [track, video] of this.#pictures) if (!live.has(track) && this.#pictures.delete(track)) video.srcObject = null;
    for (const track of live) {
      if (track.kind === "audio" && !this.#sounds.has(track)) this.#sounds.set(track, this.#hear(track));
      if (track.kind === "video" && this.#canvas && !this.#pictures.has(track)) this.#pictures.set(track, see(track));
    }
    void this.#context.resume();
  }

  close() {
    clearInterval(this.#timer);
    this.take([]);
    void this.#context.close();
  }

  /** @param {MediaStreamTrack} track */
  #hear(track) {
    const stream = new MediaStream([track]);
    // Chromium gives the sound of a remote track to nobody until an element plays it.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    const source = this.#context.createMediaStreamSource(stream);
    source.connect(this.#sum);
    return () => {
      source.disconnect();
      element.srcObject = null;
    };
  }

  #draw() {
    const pen = this.#canvas?.getContext("2d", { alpha: false });
    if (!pen) return;
    pen.fillStyle = "#14181f";
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    const seen = [...this.#pictures].filter(([track, video]) => track.enabled && !track.muted && video.videoWidth > 0);
    const columns = Math.ceil(Math.sqrt(seen.length));
    const rows = Math.ceil(seen.length / columns);
    const [width, height] = [WIDTH / columns, HEIGHT / rows];
    for (const [place, [, video]] of seen.entries()) {
      const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
      const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
      pen.drawImage(video, (place % columns) * width + (width - w) / 2, Math.floor(place / columns) * height + (height - h) / 2, w, h);
    }
  }
}

/** @param {MediaStreamTrack} track */
function see(track) {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  void video.play().catch(() => {});
  return video;
}
