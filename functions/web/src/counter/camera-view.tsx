// The camera's picture with what can be set of it.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { m } from "../app/language";
import { Button, IconButton, Note } from "../ui";
import { Camera } from "./camera";
import { soundsAllowed } from "./signs";

export function CameraView({ onText }: { onText: (text: string) => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const handler = useRef(onText);
  handler.current = onText;
  const camera = useMemo(() => new Camera((text) => handler.current(text)), []);
  const state = camera.state.value;
  useEffect(() => {
    camera.attach(video.current);
    if (Camera.wasOn) void camera.start();
    return () => {
      camera.stop(true);
      camera.attach(null);
    };
  }, []);
  const shows = state === "on" || state === "starting";
  const devices = camera.devices.value;
  const torch = camera.torch.value;
  const zoom = camera.zoom.value;
  const failed =
    state === "denied" || state === "missing" || state === "busy" || state === "no_decoder"
      ? m.counter[`camera_${state}`]()
      : null;
  return (
    <div class="camera">
      {failed !== null && (
        <Note kind="warn" alert>
          {failed}
        </Note>
      )}
      <div class={shows ? "camera-frame" : "camera-frame camera-frame-off"}>
        <video
          ref={video}
          class={shows ? "camera-video" : "visually-hidden"}
          aria-label={m.counter.camera_label()}
          autoPlay
          muted
          playsInline
        />
        {state === "starting" && <p class="camera-word">{m.counter.camera_starting()}</p>}
        {state === "on" && <div class="camera-aim" aria-hidden="true" />}
        {shows && (
          <div class="camera-close">
            <IconButton
              icon="close"
              label={m.counter.camera_stop()}
              onClick={() => camera.stop()}
            />
          </div>
        )}
        {!shows && (
          <div class="camera-start">
            <Button
              kind="primary"
              icon="camera"
              onClick={() => {
                soundsAllowed();
                void camera.start();
              }}
            >
              {m.counter.camera_start()}
            </Button>
            <p class="quiet">{m.counter.camera_start_text()}</p>
          </div>
        )}
      </div>
      {state === "on" && (devices.length > 1 || torch !== null || zoom) && (
        <div class="camera-controls">
          {devices.length > 1 && (
            <label class="camera-control">
              <span>{m.counter.camera_which()}</span>
              <select
                value={camera.deviceId.value ?? ""}
                onChange={(event) => void camera.choose(event.currentTarget.value)}
              >
                {devices.map(({ id, label }, index) => (
                  <option key={id} value={id}>
                    {label || m.counter.camera_number({ number: index + 1 })}
                  </option>
                ))}
              </select>
            </label>
          )}
          {zoom && (
            <label class="camera-control">
              <span>{m.counter.camera_zoom()}</span>
              <input
                type="range"
                min={zoom.min}
                max={zoom.max}
                step={zoom.step}
                value={zoom.value}
                onInput={(event) => void camera.zoomSet(Number(event.currentTarget.value))}
              />
            </label>
          )}
          {torch !== null && (
            <Button onClick={() => void camera.torchSet(!torch)}>
              {torch ? m.counter.camera_torch_off() : m.counter.camera_torch_on()}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
