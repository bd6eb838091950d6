//! Users of the app under test, and the calls that they make.

use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Email, Name, Role};
use thali_domain::ids::{AccountId, MessId, SessionId};
use thali_platform::auth::access::Claims;
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::mail::Mail;
use thali_platform::store::{Account, SessionRecord};

use super::app::TestApp;
use super::call::{Answer, Call};

/// The password of all accounts that are made here.
pub const PASSWORD: &str = "rice and dal at noon";

/// The hash of [`PASSWORD`], in the format of `NewPassword::hash`. It is precomputed because tests
/// make hundreds of accounts.
pub const PASSWORD_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$Bvg/cJyc0/f7QHplJ2JvMg$DnHFxGEqXvL/8cN4poFufEBT/I/NaVsiPbtc45pgXBM";

/// A logged-in user, mostly a student.
#[derive(Debug, Clone)]
pub struct Student {
    pub email: String,
    pub account_id: String,
    /// A valid access token.
    pub token: String,
    /// The refresh cookie, `name=value`.
    pub cookie: String,
}

impl Student {
    /// The user of a successful login.
    #[track_caller]
    pub fn of(login: &Answer) -> Self {
        assert_eq!(login.status, 200, "{}", login.body);
        let account = &login.body["account"];
        let text = |member: &str| account[member].as_str().expect(member).to_owned();
        Self {
            email: text("email"),
            account_id: text("account_id"),
            token: login.text("access_token").to_owned(),
            cookie: login.cookie(),
        }
    }
}

/// The one-time code in a mail: the only sequence of exactly six digits in its text.
#[track_caller]
pub fn code_in(mail: &Mail) -> String {
    let runs = mail.text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 6);
    let codes: Vec<&str> = runs.collect();
    assert_eq!(codes.len(), 1, "one code in: {}", mail.text);
    codes[0].to_owned()
}

/// What the checkout gives the browser.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Razorpay's order.
    pub order_id: String,
    /// Razorpay's payment.
    pub payment_id: String,
    /// Razorpay's signature over both.
    pub signature: String,
}

impl Checkout {
    /// The call that sends the checkout's result to `/verify-payment`.
    pub fn verify(&self, token: &str) -> Call {
        let body = json!({
            "order_id": self.order_id,
            "payment_id": self.payment_id,
            "signature": self.signature,
        });
        Call::post("/verify-payment", &body).bearer(token)
    }
}

impl TestApp {
    /// Signs up with only an address and a password. Returns the response with the registration.
    pub async fn sign_up(&self, email: &str) -> Answer {
        let body = json!({ "email": email, "password": PASSWORD });
        self.send(Call::post("/sign-up", &body)).await
    }

    /// Signs up and sends the code from the mail.
    pub async fn sign_up_and_verify(&self, email: &str) -> Answer {
        let registration = self.sign_up(email).await.expect(202);
        let mails = self.settle().await;
        let mail = mails.iter().find(|mail| mail.to.as_str() == email).expect("a code is mailed");
        let id = registration.text("registration_id");
        let body = json!({ "registration_id": id, "otp": code_in(mail) });
        self.send(Call::post("/sign-up/otp-verify", &body)).await
    }

    /// Logs in with [`PASSWORD`].
    pub async fn log_in(&self, email: &str) -> Answer {
        let body = json!({ "email": email, "password": PASSWORD });
        self.send(Call::post("/login", &body)).await
    }

    /// The same student with a new session, because the earlier access token has expired or ended.
    pub async fn log_in_again(&self, student: &Student) -> Student {
        Student::of(&self.log_in(&student.email).await)
    }

    /// A new student who has signed up and logged in.
    pub async fn signed_up_student(&self, email: &str) -> Student {
        self.sign_up_and_verify(email).await.expect(201);
        Student::of(&self.log_in(email).await)
    }

    /// A new student who is logged in, made directly in the store, without signing up.
    pub async fn student(&self, email: &str) -> Student {
        let mess = self.mess_id.clone();
        let account = self.account(&mess, Role::Student, AccountStatus::Active, email).await;
        self.session(account).await
    }

    /// Begins a session as a login does after the check of the password.
    pub async fn session(&self, account: Account) -> Student {
        let session_id = SessionId::from_ulid(self.app.clock.ulid());
        let refresh = RefreshToken::first(account.account_id, session_id);
        let session = SessionRecord::begin(&account, session_id, refresh.hash(), self.now());
        self.app.store.session_put(&session, &self.stamp()).await.expect("stored");
        let Account { account_id, mess_id, role, status, email, .. } = account;
        let holder = (account_id, mess_id, role, status);
        let claims = Claims::new(&self.app.jwt_issuer, holder, session_id, self.now());
        Student {
            email: email.expect("given").to_string(),
            account_id: account_id.to_string(),
            token: self.app.signer().sign(&claims),
            cookie: format!("{COOKIE}={}", refresh.expose()),
        }
    }

    /// Makes an account directly in the store, as the command `thali` makes an owner's.
    pub async fn account(
        &self,
        mess: &MessId,
        role: Role,
        status: AccountStatus,
        email: &str,
    ) -> Account {
        let email = Email::parse(email).expect("an address");
        let name = Name::parse(email.local_part()).expect("a name");
        let id = AccountId::from_ulid(self.app.clock.ulid());
        let account = Account::new(id, mess.clone(), role, name, PASSWORD_HASH.into(), self.now());
        let account = Account { status, email: Some(email), ..account };
        self.app.store.account_create(&account, &self.stamp()).await.expect("made");
        account
    }

    /// An owner of the demo mess who is logged in.
    pub async fn owner(&self, email: &str) -> Student {
        self.owner_of(&self.mess_id, email).await
    }

    /// An owner of a mess who is logged in.
    pub async fn owner_of(&self, mess: &MessId, email: &str) -> Student {
        let account = self.account(mess, Role::Owner, AccountStatus::Active, email).await;
        self.session(account).await
    }

    /// Orders tokens. Returns the order's id.
    pub async fn order_tokens(&self, student: &Student, count: u16) -> String {
        let call = Call::post("/create-order", &json!({ "token_count": count }));
        let answer = self.send(call.bearer(&student.token)).await.expect(201);
        answer.text("order_id").to_owned()
    }

    /// Pays for an order at the sandbox; `control` is the body of the control call.
    pub async fn pay(&self, order_id: &str, control: serde_json::Value) -> Checkout {
        let url = format!("{}/razorpay/sandbox/orders/{order_id}/pay", self.sandbox.url());
        let answer = reqwest::Client::new().post(url).json(&control).send().await;
        let answer = answer.expect("the sandbox answers").error_for_status().expect("it pays");
        let paid: serde_json::Value = answer.json().await.expect("JSON");
        let text = |member: &str| paid[member].as_str().expect(member).to_owned();
        Checkout {
            order_id: text("order_id"),
            payment_id: text("payment_id"),
            signature: text("signature"),
        }
    }

    /// Buys tokens: orders, pays and verifies.
    pub async fn buy_tokens(&self, student: &Student, count: u16) -> Checkout {
        let order_id = self.order_tokens(student, count).await;
        let checkout = self.pay(&order_id, json!({ "outcome": "captured" })).await;
        self.send(checkout.verify(&student.token)).await.expect(200);
        checkout
    }

    /// How many tokens a student has.
    pub async fn token_count(&self, student: &Student) -> u64 {
        let answer = self.send(Call::get("/student/tokens").bearer(&student.token)).await;
        answer.expect(200).body["count"].as_u64().expect("a number")
    }

    /// The call that redeems `count` tokens with the password as the security code.
    pub fn submit(student: &Student, count: u64) -> Call {
        let body = json!({ "count": count, "security_code": PASSWORD });
        Call::post("/student/token-submission", &body).bearer(&student.token)
    }
}
