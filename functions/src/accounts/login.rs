//! `POST /login`: exchanges a password for an access token and the refresh cookie.

use jiff::SignedDuration;
use serde::Serialize;
use thali_domain::Unacceptable;
use thali_domain::accounts::devices::device_name;
use thali_domain::accounts::identity::{Email, LoginName, Role};
use thali_domain::accounts::sessions::{ACCESS_LIFETIME, REFRESH_LIFETIME};
use thali_domain::ids::{AccountId, DeviceId, MessId, SessionId};
use thali_platform::app::App;
use thali_platform::auth::access::Claims;
use thali_platform::auth::device::Tickets;
use thali_platform::auth::password::{self, PresentedPassword};
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_LOGIN, Request, Response, one_of, schema,
};
use thali_platform::problems;
use thali_platform::store::{Account, Consistency, PasswordCounter, SessionRecord, Stamp};
use utoipa::ToSchema;

use super::devices::{self, Remembered};
use super::view::AccountView;
use super::{sessions, tries};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "login",
    &["/login", "/login/", "/api/auth/login"],
    Access::Public,
    handler!(login),
)
.rate(RATE_LOGIN)
.needs(&[Part::SigningKey, Part::RefreshKey])
.summary("Gives an access token and the refresh cookie")
.takes(schema::<Login>)
.answers(200, schema::<LoggedIn>)
.sets_cookie()
.takes_device()
.sets_device()
.refuses(&["invalid_credentials", "locked", "account_closed"]);

/// The path to which browsers send the refresh cookie.
pub const COOKIE_PATH: &str = "/api/auth";

#[derive(eserde::Deserialize, ToSchema)]
struct Login {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    #[eserde(compat)]
    email: Option<Email>,
    #[eserde(compat)]
    password: PresentedPassword,
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
    #[serde(default)]
    #[eserde(compat)]
    role: Option<Role>,
}

/// The response of a login and of a refresh.
#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    access_token: String,
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    expires_in: i64,
    account: AccountView,
}

impl LoggedIn {
    /// A new access token for a session of `account`.
    #[must_use]
    pub fn new(app: &App, account: Account, session_id: SessionId, stamp: &Stamp) -> Self {
        let holder = (account.account_id, account.mess_id.clone(), account.role, account.status);
        let claims = Claims::new(&app.jwt_issuer, holder, session_id, stamp.at);
        Self {
            access_token: app.signer().sign(&claims),
            token_type: "Bearer",
            expires_in: ACCESS_LIFETIME.as_secs(),
            account: account.into(),
        }
    }

    /// The response, with the refresh token as a cookie that lives as long as the token.
    #[must_use]
    pub fn into_response(self, refresh: &RefreshToken, lives: SignedDuration) -> Response {
        Response::ok(&self).with_cookie(COOKIE, &refresh.expose(), COOKIE_PATH, lives.as_secs())
    }
}

async fn login(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let wanted: Login = request.json_where(|body| one_of(body, &["username", "email"]))?;
    let name = wanted.name()?;
    let mess = request.mess_or_default(app, wanted.mess_id.clone())?;
    let stamp = caller.stamp(app, request);
    let tickets = devices::tickets(app, request);
    let (account, device) = prove(app, &mess, &name, &wanted, &tickets, &stamp).await?;
    if !account.status.may_log_in() {
        return Err(Problem::account_closed());
    }
    let session_id = SessionId::from_ulid(app.clock.ulid());
    let refresh = RefreshToken::first(account.account_id, session_id);
    let session = SessionRecord::begin(&account, session_id, refresh.hash(), stamp.at)
        .on_device(request.header("user-agent").and_then(device_name));
    let stamp = Stamp { actor: account.account_id.to_string(), ..stamp };
    app.store.session_put(&session, &stamp).await?;
    sessions::confirm(app, &session).await?;
    let remembered = Remembered::new(app, &tickets, &account, account.password_version, device);
    let logged_in = LoggedIn::new(app, account, session_id, &stamp);
    Ok(remembered.set(logged_in.into_response(&refresh, REFRESH_LIFETIME)))
}

/// The account with this name and password, and the browser's device if it has logged in to the
/// account before. Wrong passwords of such a device are counted for it alone. Those of strangers
/// are counted together. An unknown name is refused after the same time and reads, and is counted
/// and locked like a known one.
async fn prove(
    app: &App,
    mess: &MessId,
    name: &LoginName,
    wanted: &Login,
    tickets: &Tickets,
    stamp: &Stamp,
) -> Result<(Account, Option<DeviceId>), Problem> {
    let lookup = app.store.login_lookup(mess, name).await?;
    let ticket = lookup.account_id.and_then(|id| tickets.of(id));
    if let (None, Some(wait_s)) = (ticket, lookup.failures(None).locked_for_s(stamp.at)) {
        return Err(problems::locked(wait_s));
    }
    let nobody = || AccountId::from_ulid(app.clock.ulid());
    let id = lookup.account_id.unwrap_or_else(nobody);
    let account = app.store.account_get(id, Consistency::Strong).await?;
    let device = devices::known(ticket, account.as_ref());
    let counter = match device {
        Some(device) => PasswordCounter::Device(mess, name, device),
        None => PasswordCounter::Strangers(mess, name),
    };
    let compare = || {
        let hash = account.as_ref().map(|account| account.password_hash.as_str());
        let role = account.as_ref().map(|account| account.role);
        password::verify(&wanted.password, hash)
            && wanted.role.is_none_or(|wanted| role == Some(wanted))
    };
    if !tries::prove(app, counter, lookup.failures(device), stamp, compare).await? {
        return Err(problems::invalid_credentials());
    }
    Ok((account.ok_or_else(problems::invalid_credentials)?, device))
}

impl Login {
    fn name(&self) -> Result<LoginName, Problem> {
        match (&self.email, &self.username) {
            (Some(email), _) => Ok(LoginName::Email(email.clone())),
            (None, Some(username)) => LoginName::parse(username)
                .map_err(|refusal: Unacceptable| Problem::invalid_field("username", refusal)),
            (None, None) => Err(Problem::invalid_field("username", "is missing")),
        }
    }
}
