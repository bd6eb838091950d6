//! Tests of the deployed template, over HTTP: real functions, streams, queues and grants.
//!
//! `make test` starts a stack for them and names it in `THALI_STACK_ENV`; without that variable
//! these tests fail.

mod accounts;
mod alarms;
mod cached;
mod closures;
mod contract;
mod faults;
mod grants;
mod imports;
mod keys;
mod least_privilege;
mod local;
mod logs;
mod menu;
mod mess;
mod operator;
mod orders;
mod overdue;
mod own_account;
mod payments;
mod pictures;
mod postman;
mod scanner;
mod story;
mod students;
mod web;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::{Value, json};

use crate::support::people::PASSWORD;
use crate::support::{Answer, Call};

/// The time limit of waits, far above what any of them takes.
const DEADLINE: Duration = Duration::from_secs(90);

/// The running stack.
struct Stack {
    env: HashMap<String, String>,
    http: reqwest::Client,
}

/// A logged-in user, mostly a student.
struct Student {
    mess_id: String,
    email: String,
    account_id: String,
    token: String,
    /// The refresh cookie, `name=value`.
    cookie: String,
}

impl Student {
    /// The user of a successful login.
    fn of(login: &Answer) -> Self {
        let account = &login.body["account"];
        let text = |member: &str| account[member].as_str().expect(member).to_owned();
        Self {
            mess_id: text("mess_id"),
            email: text("email"),
            account_id: text("account_id"),
            token: login.text("access_token").to_owned(),
            cookie: login.cookie(),
        }
    }
}

impl Stack {
    fn running() -> Self {
        let path = std::env::var("THALI_STACK_ENV").expect(
            "THALI_STACK_ENV names no stack: run `make test`, which starts one, \
             or leave these tests out with -E 'not test(/^stack::/)'",
        );
        let text = std::fs::read_to_string(&path).expect("the stack wrote its addresses");
        let pair = |line: &str| line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        let http = reqwest::Client::builder().timeout(Duration::from_mins(1)).build();
        Self { env: text.lines().filter_map(pair).collect(), http: http.expect("a client") }
    }

    fn variable(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("stack.env has {name}"))
    }

    /// The full name of a resource of the stack.
    fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.variable("STACK_NAME"))
    }

    async fn aws(&self) -> SdkConfig {
        let credentials =
            aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "");
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.variable("AWS_ENDPOINT_URL"))
            .region(Region::new(self.variable("AWS_REGION").to_owned()))
            .credentials_provider(credentials)
            .load()
            .await
    }

    async fn send(&self, call: Call) -> Answer {
        let request = call.over_http(&self.http, self.variable("API_URL"));
        let answer = request.send().await.expect("the stack answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer::new(status, headers, &answer.bytes().await.expect("a body"))
    }

    /// The texts of the mails that were sent to an address, oldest first.
    async fn mails_to(&self, email: &str) -> Vec<String> {
        let url = format!("{}/_ministack/ses/messages", self.variable("AWS_ENDPOINT_URL"));
        let answer = self.http.get(url).send().await.expect("the local AWS answers");
        let answer: Value = answer.json().await.expect("JSON");
        let accounts = answer["messages"].as_object().expect("mails by account").values();
        let mails = accounts.flat_map(|mails| mails.as_array().expect("a list"));
        let to_them = mails.filter(|mail| {
            mail["To"].as_array().is_some_and(|to| to.iter().any(|address| address == email))
        });
        to_them.map(|mail| mail["BodyText"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits for the `nth` mail with a one-time code to an address, counted from 1. Returns the
    /// code.
    async fn code_mailed(&self, email: &str, nth: usize) -> String {
        eventually("a code is mailed", async || {
            let mails = self.mails_to(email).await;
            mails.iter().filter_map(|mail| code_in(mail)).nth(nth - 1)
        })
        .await
    }

    /// Signs somebody up, with the code from the mail. Returns the account.
    async fn sign_up(&self, wanted: &Value) -> Value {
        let email = wanted["email"].as_str().expect("an address");
        let before = self.mails_to(email).await.iter().filter_map(|mail| code_in(mail)).count();
        let registration = self.send(Call::post("/sign-up", wanted)).await.expect(202);
        let code = self.code_mailed(email, before + 1).await;
        let id = registration.text("registration_id");
        let verify = json!({ "registration_id": id, "otp": code });
        let verified = self.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
        verified.body["account"].clone()
    }

    /// A new student of the demo mess.
    async fn student(&self, name: &str) -> Student {
        let email = format!("{name}-{}@example.com", ulid_now());
        let wanted = json!({ "email": email, "password": PASSWORD });
        self.sign_up(&wanted).await;
        Student::of(&self.send(Call::post("/login", &wanted)).await.expect(200))
    }

    /// Orders tokens. Returns the order's id.
    async fn order_tokens(&self, student: &Student, count: u16) -> String {
        let order = Call::post("/create-order", &json!({ "token_count": count }));
        let order = self.send(order.bearer(&student.token)).await.expect(201);
        order.text("order_id").to_owned()
    }

    /// Pays for an order at the sandbox; `control` is the body of the control call. Returns what
    /// the browser gets.
    async fn pay(&self, order_id: &str, control: &Value) -> Value {
        let sandbox = self.variable("SANDBOX_URL");
        let url = format!("{sandbox}/razorpay/sandbox/orders/{order_id}/pay");
        let paid = self.http.post(url).json(control).send().await.expect("the sandbox answers");
        paid.error_for_status().expect("it pays").json().await.expect("JSON")
    }

    /// Orders tokens and pays for them at the sandbox. Returns what the browser gets.
    async fn pay_for_tokens(&self, student: &Student, count: u16, webhook: bool) -> Value {
        let order_id = self.order_tokens(student, count).await;
        self.pay(&order_id, &json!({ "outcome": "captured", "webhook": webhook })).await
    }

    /// Buys tokens: orders, pays and verifies.
    async fn buy_tokens(&self, student: &Student, count: u16) {
        let checkout = self.pay_for_tokens(student, count, false).await;
        let verify = Call::post("/verify-payment", &checkout).bearer(&student.token);
        self.send(verify).await.expect(200);
    }

    async fn token_count(&self, student: &Student) -> u64 {
        let answer = self.send(Call::get("/student/tokens").bearer(&student.token)).await;
        answer.expect(200).body["count"].as_u64().expect("a number")
    }
}

/// The one-time code in a mail: the first sequence of exactly six digits in its text.
fn code_in(mail: &str) -> Option<String> {
    let mut runs = mail.split(|c: char| !c.is_ascii_digit());
    runs.find(|run| run.len() == 6).map(str::to_owned)
}

/// A unique text, different in every run.
fn ulid_now() -> String {
    thali_platform::clock::Clock::System.ulid().to_string().to_lowercase()
}

/// Calls `ask` until it returns `Some`. Panics after [`DEADLINE`].
async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within {} s", DEADLINE.as_secs());
}
