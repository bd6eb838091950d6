import { account, logOut, sessionState } from "../../api/session";
import { Button, Card, Choice, LinkButton, Page, toast } from "../../ui";
import { language, LANGUAGES, languageSet, m, type Language } from "../language";
import { go } from "../navigation";
import { homeOf } from "../pages";
import { theme, THEMES, type Theme } from "../theme";

export default function Settings() {
  const languages = Object.entries(LANGUAGES) as [Language, string][];
  const who = account.value;
  const leave = async (): Promise<void> => {
    await logOut();
    toast(m.common.logged_out());
    go("/app/login");
  };
  return (
    <Page title={m.common.settings_title()} back={who ? homeOf(who) : "/"} narrow>
      <Card>
        <Choice<Language>
          label={m.common.settings_language()}
          value={language.value}
          options={languages.map(([value, label]) => ({ value, label, lang: value }))}
          onChange={(next) => void languageSet(next)}
        />
        <Choice<Theme>
          label={m.common.settings_theme()}
          value={theme.value}
          options={THEMES.map((value) => ({ value, label: m.common[`settings_theme_${value}`]() }))}
          onChange={(next) => {
            theme.value = next;
          }}
        />
      </Card>
      <Card title={m.common.settings_account()}>
        {who && <p>{m.common.settings_logged_in_as({ name: who.name })}</p>}
        {sessionState.value === "none" ? (
          <LinkButton href="/app/login">{m.common.settings_log_in()}</LinkButton>
        ) : (
          <>
            {who && (
              <p>
                <a href="/app/account">{m.common.settings_my_account()}</a>
              </p>
            )}
            <Button onClick={() => void leave()}>{m.common.settings_logout()}</Button>
          </>
        )}
      </Card>
      <Card title={m.common.settings_about()}>
        <p>
          <a href="/docs">{m.common.settings_api()}</a>
        </p>
        <p class="quiet">{m.common.settings_version({ version: __VERSION__ })}</p>
      </Card>
    </Page>
  );
}
