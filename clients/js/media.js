import { Problem } from "./problem.js";

/** @type {Record<string, { code: string, detail: string, remedy: string }>} */
const REASONS = {
  NotAllowedError: {
    code: "denied",
    detail: "the browser was not allowed to use the camera, the microphone or the screen",
    remedy: "Allow it in the address bar, then try again.",
  },
  NotFoundError: {
    code: "no_device",
    detail: "no camera or microphone was found",
    remedy: "Plug one in; without a camera, call with audio only.",
  },
  NotReadableError: {
    code: "device_busy",
    detail: "another program holds the camera or the microphone",
    remedy: "Close the other program, then try again.",
  },
};

/** @param {unknown} error */
function unavailable(error) {
  const name = error instanceof Error ? error.name : "";
  const reason = { OverconstrainedError: "NotFoundError", SecurityError: "NotAllowedError", AbortError: "NotReadableError" }[name] ?? name;
  const known = REASONS[reason] ?? { code: "no_device", detail: String(error), remedy: "Check the camera and the microphone." };
  return new Problem({ ...known, cause: error });
}

function devices() {
  if (globalThis.navigator?.mediaDevices) return navigator.mediaDevices;
  throw new Problem({
    code: "insecure_page",
    detail: "browsers give the camera and the microphone to secure pages only",
    remedy: "Serve the page over https or from localhost.",
  });
}

/** Microphone, camera or both. @param {{ audio: boolean, video: boolean }} wanted */
export async function capture({ audio, video }) {
  try {
    return await devices().getUserMedia({ audio, video: video && { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    throw error instanceof Problem ? error : unavailable(error);
  }
}

export async function captureScreen() {
  try {
    return await devices().getDisplayMedia({ video: true });
  } catch (error) {
    throw error instanceof Problem ? error : unavailable(error);
  }
}

/** @param {MediaStream | null} stream */
export function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
