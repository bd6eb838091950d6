// The counter's camera: what it reads, what can be set of it, and what telephones do to it.
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logIn,
  serviceWorkerReady,
  watchErrors,
} from "./support/browser.js";
import { codeOf, withCamera } from "./support/camera.js";
import {
  deviceToken,
  eater,
  keptHere,
  mealNow,
  openCounter,
  verdict,
} from "./support/counter.js";
import { person } from "./support/stack.js";

// The decoder is kept by the service worker.
test.use({ serviceWorkers: "allow" });
test.setTimeout(240_000);

const turnOn = (page: Page) =>
  page.getByRole("button", { name: "Turn on the camera" }).click();

test("a camera reads the server's code, once while it is in view", async ({
  browser,
}, info) => {
  await mealNow();
  const student = await eater();
  const device = await deviceToken("Story camera");
  const scenes = [{ png: await codeOf(student), seconds: 0.4 }];
  await withCamera(browser, info, scenes, async (page) => {
    const errors = watchErrors(page);
    await openCounter(page, device.token);
    let scans = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/api/v1/scanner/scan")) scans += 1;
    });
    await turnOn(page);
    await expect(verdict(page)).toHaveClass(/verdict-admitted/, {
      timeout: 60_000,
    });
    await expect(verdict(page)).toContainText(student.name);
    // The page's thread does not decode.
    expect(page.workers().map((worker) => worker.url())).toContainEqual(
      expect.stringContaining("zxing"),
    );
    // The verdict goes away by itself, and the code, which is still there, is no other scan.
    await expect(verdict(page)).toBeHidden();
    await expect(
      page.getByRole("button", { name: `Undo: ${student.name}` }),
    ).toBeVisible();
    expect(scans).toBe(1);
    // The decoder is kept for times without a network, and the camera starts by itself.
    await serviceWorkerReady(page);
    await page.context().setOffline(true);
    await page.reload();
    await expect(verdict(page)).toHaveClass(/verdict-refused/, {
      timeout: 60_000,
    });
    await expect(verdict(page)).toContainText("Has eaten this meal already.");
    expect(errors).toEqual([]);
  });
});

test("a device is registered by scanning the owner's code", async ({
  browser,
  page: owner,
}, info) => {
  await logIn(owner, person("owner"));
  await owner.goto("/app/owner/more/staff");
  await owner.getByLabel("Name of the device").fill("Story scanned");
  await owner.getByLabel("Valid for days").fill("1");
  await owner.getByRole("button", { name: "Make a staff token" }).click();
  const code = owner.getByRole("img", { name: "QR code of the staff token" });
  const scenes = [{ png: await code.screenshot(), seconds: 0.4 }];
  await withCamera(browser, info, scenes, async (page) => {
    const errors = watchErrors(page);
    await page.goto("/app/counter/device");
    await page.getByRole("button", { name: "Scan the token's code" }).click();
    await turnOn(page);
    await expect(page.getByText("This device is registered for")).toBeVisible({
      timeout: 60_000,
    });
    expect((await keptHere(page)).tokens).toEqual([
      expect.stringMatching(/^stf_/),
    ]);
    await page.getByRole("link", { name: "Start scanning" }).click();
    await expect(page.getByText("Who came last")).toBeVisible();
    expect(errors).toEqual([]);
  });
});

const video = (page: Page) => page.getByLabel("Camera picture");

/** The number of the camera's stream, once its picture moves. */
async function streamThatMoves(page: Page): Promise<string> {
  let id = "";
  await expect(async () => {
    const seen = await video(page).evaluate(async (element) => {
      const shown = element as HTMLVideoElement;
      const moves = await new Promise((done) => {
        shown.requestVideoFrameCallback(() => done(true));
        setTimeout(() => done(false), 500);
      });
      const { srcObject } = shown;
      return moves && srcObject instanceof MediaStream ? srcObject.id : null;
    });
    expect(seen).not.toBeNull();
    id = seen ?? "";
  }).toPass({ timeout: 60_000 });
  return id;
}

const LOSSES: Record<string, (track: MediaStreamTrack) => void> = {
  "the camera ends": (track) => {
    track.stop();
    track.dispatchEvent(new Event("ended"));
  },
  "the picture stands still, and nothing says so": (track) => track.stop(),
  "the camera is muted": (track) => {
    Object.defineProperty(track, "muted", { value: true });
    track.dispatchEvent(new Event("mute"));
  },
  "the app was in the background": (track) => {
    const look = (value: string): void => {
      Object.defineProperty(document, "visibilityState", {
        value,
        configurable: true,
      });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    look("hidden");
    track.stop();
    track.dispatchEvent(new Event("ended"));
    look("visible");
  },
};

test("a camera that a telephone takes away comes back by itself", async ({
  browser,
}, info) => {
  const student = await eater({ paid: false });
  const device = await deviceToken("Story lost camera");
  const scenes = [{ png: await codeOf(student), seconds: 0.4 }];
  await withCamera(browser, info, scenes, async (page) => {
    await openCounter(page, device.token);
    await page.getByRole("radio", { name: "Only asks" }).check();
    await turnOn(page);
    let stream = await streamThatMoves(page);
    for (const [name, lose] of Object.entries(LOSSES)) {
      await test.step(name, async () => {
        const track = await video(page).evaluateHandle((element) => {
          const { srcObject } = element as HTMLVideoElement;
          return (srcObject as MediaStream).getVideoTracks()[0]!;
        });
        await track.evaluate(lose);
        await expect(async () => {
          expect(await streamThatMoves(page)).not.toBe(stream);
        }).toPass({ timeout: 60_000 });
        stream = await streamThatMoves(page);
      });
    }
    // What is read goes on being read.
    await expect(verdict(page)).toContainText("Has not paid for this day.", {
      timeout: 60_000,
    });
  });
});

interface Asked {
  can: object;
  asked: MediaTrackConstraintSet[];
}

test("the light and the zoom are offered where the camera has them", async ({
  browser,
}, info) => {
  const device = await deviceToken("Story light");
  const scenes = [{ png: null, seconds: 0.4 }];
  await withCamera(browser, info, scenes, async (page) => {
    await page.addInitScript(() => {
      const spy: Asked = { can: {}, asked: [] };
      Object.assign(window, { spy });
      MediaStreamTrack.prototype.getCapabilities = () => spy.can;
      MediaStreamTrack.prototype.applyConstraints = (wanted) => {
        spy.asked.push(...(wanted?.advanced ?? []));
        const isBroken = "broken" in spy.can;
        return isBroken ? Promise.reject(new Error()) : Promise.resolve();
      };
    });
    const cameraCan = (can: object) =>
      page.evaluate((value) => {
        (window as unknown as { spy: Asked }).spy.can = value;
      }, can);
    const asked = () =>
      page.evaluate(() => (window as unknown as { spy: Asked }).spy.asked);
    await openCounter(page, device.token);
    const [light, zoom] = [
      page.getByRole("button", { name: /^Light/ }),
      page.getByLabel("Zoom"),
    ];
    const again = async (can: object) => {
      await cameraCan(can);
      await turnOn(page);
      await expect(page.locator(".camera-aim")).toBeVisible({
        timeout: 60_000,
      });
    };
    await again({});
    await expect(light).toBeHidden();
    await expect(zoom).toBeHidden();

    await page.getByRole("button", { name: "Turn off" }).click();
    await again({ torch: true, zoom: { min: 1, max: 5, step: 0.5 } });
    await checkAccessibility(page);
    await light.click();
    await expect(light).toHaveText("Light off");
    await light.click();
    await expect(light).toHaveText("Light on");
    await zoom.fill("2.5");
    expect(await asked()).toEqual([
      { torch: true },
      { torch: false },
      { zoom: 2.5 },
    ]);
    // A camera that cannot do it after all is not said to do it.
    await cameraCan({ broken: true });
    await light.click();
    await expect.poll(asked).toHaveLength(4);
    await expect(light).toHaveText("Light on");
  });
});
