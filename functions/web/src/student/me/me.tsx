// The student: picture and name, and everything that one sets up once.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { m } from "../../app/language";
import {
  Button,
  Card,
  Dialog,
  Icon,
  Page,
  ProblemNote,
  Show,
  Skeleton,
  toast,
  useLoad,
} from "../../ui";
import { ChoosePicture, Progress } from "../pictures/choose";
import type { Picture } from "../pictures/shrink";
import { upload } from "../pictures/upload";
import "../student.css";
import "./me.css";

export type OwnAccount = Schema<"OwnAccount">;

export const profileLoad = async (): Promise<OwnAccount> =>
  (await answer(api.GET("/student/profile"))).account;

export default function Me() {
  const profile = useLoad(profileLoad);
  return (
    <Page title={m.student.me_title()} narrow>
      <Show of={profile} skeleton={<Skeleton tall lines={2} />}>
        {(account) => (
          <>
            <Card>
              <Who account={account} reload={profile.reload} />
            </Card>
            <nav class="link-list" aria-label={m.student.me_title()}>
              <Row href="/app/student/me/edit" text={m.student.me_edit()} />
              <Row
                href="/app/student/me/pin"
                text={
                  account.security_code_set ? m.student.me_pin_change() : m.student.me_pin_set()
                }
              />
              <Row href="/app/student/cycles" text={m.student.cycles_title()} />
              <Row href="/app/student/me/code" text={m.student.me_code()} />
              <Row href="/app/account" text={m.common.settings_my_account()} />
              <Row href="/app/settings" text={m.common.settings_title()} />
            </nav>
          </>
        )}
      </Show>
    </Page>
  );
}

function Row({ href, text }: { href: string; text: string }) {
  return (
    <a href={href}>
      <span>{text}</span>
      <Icon name="forward" />
    </a>
  );
}

function Who({ account, reload }: { account: OwnAccount; reload: () => void }) {
  const choosing = useSignal(false);
  const details = [account.roll_no, account.room_no, account.phone_national].filter(Boolean);
  return (
    <div class="student-who">
      {account.picture_url ? (
        <img
          class="student-face"
          src={account.picture_url}
          alt={m.common.picture_of({ name: account.name })}
        />
      ) : (
        <span class="student-face student-face-none" aria-hidden="true">
          <Icon name="user" />
        </span>
      )}
      <div class="student-who-text">
        <p class="student-who-name">{account.name}</p>
        {details.length > 0 && <p class="quiet">{details.join(" · ")}</p>}
        {account.email && <p class="quiet">{account.email}</p>}
      </div>
      <Button
        onClick={() => {
          choosing.value = true;
        }}
      >
        {account.picture_url ? m.student.me_picture_change() : m.student.me_picture_add()}
      </Button>
      {choosing.value && (
        <PictureDialog
          account={account}
          close={(changed) => {
            choosing.value = false;
            if (changed) reload();
          }}
        />
      )}
    </div>
  );
}

/** The picture's own address: the signature behind it changes with each read. */
const placeOf = (url: string | null | undefined): string => (url ?? "").split("?")[0] ?? "";

/** The waits between the questions whether the new picture is there. */
const WAITS_MS = [500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000];

async function pictureArrives(before: string): Promise<boolean> {
  for (const wait of WAITS_MS) {
    await new Promise((done) => setTimeout(done, wait));
    const now = await profileLoad().catch(() => null);
    if (now && placeOf(now.picture_url) !== before) return true;
  }
  return false;
}

function PictureDialog({
  account,
  close,
}: {
  account: OwnAccount;
  close: (changed: boolean) => void;
}) {
  const picture = useSignal<Picture | null>(null);
  const part = useSignal<number | null>(null);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const save = async (): Promise<void> => {
    const chosen = picture.value;
    if (!chosen) return;
    busy.value = true;
    problem.value = null;
    const wanted = { content_type: chosen.type, content_length: chosen.blob.size };
    try {
      const given = await answer(api.POST("/student/profile/picture", { body: wanted }));
      part.value = 0;
      await upload(given.upload, chosen.blob, (now) => {
        part.value = now;
      });
      const there = await pictureArrives(placeOf(account.picture_url));
      toast(there ? m.student.picture_saved() : m.student.picture_later());
      close(true);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      busy.value = false;
      part.value = null;
    }
  };
  return (
    <Dialog title={m.student.me_picture()} onClose={() => close(false)}>
      {problem.value && <ProblemNote problem={problem.value} />}
      <p>{m.student.me_picture_text()}</p>
      <ChoosePicture
        label={m.student.me_picture()}
        alt={m.common.picture_of({ name: account.name })}
        picture={picture.value?.blob ?? null}
        choose={(next) => {
          picture.value = next;
        }}
        square
        camera="user"
      />
      {part.value !== null && <Progress part={part.value} />}
      <div class="student-actions">
        <Button
          kind="primary"
          busy={busy.value}
          disabled={!picture.value}
          onClick={() => void save()}
        >
          {m.common.action_save()}
        </Button>
        <Button onClick={() => close(false)}>{m.common.action_cancel()}</Button>
      </div>
    </Dialog>
  );
}
