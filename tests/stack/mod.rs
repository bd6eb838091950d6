//! The deployed template, over HTTP: real functions, streams, queues and grants.
//!
//! `make test` starts a stack of its own and names it in `THALI_STACK_ENV`; without it
//! these tests fail.

mod faults;
mod operator;
mod story;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::{Value, json};

use crate::support::people::PASSWORD;
use crate::support::{Answer, Call};

/// Far above what any wait here takes.
const DEADLINE: Duration = Duration::from_secs(90);

/// The running stack.
struct Stack {
    env: HashMap<String, String>,
    http: reqwest::Client,
}

/// A student of the demo mess who is logged in.
struct Student {
    email: String,
    account_id: String,
    token: String,
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

    /// The name of something that belongs to the stack.
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
        let text = answer.text().await.expect("a body");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON: {text}"))
        };
        Answer { status, headers, body }
    }

    /// The texts of the mails that were sent to an address, the oldest first.
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

    /// Signs up a new student as a person does, with the code from the mail.
    async fn student(&self, name: &str) -> Student {
        let email = format!("{name}-{}@example.com", ulid_now());
        let body = json!({ "email": email, "password": PASSWORD });
        self.send(Call::post("/sign-up", &body)).await.expect(202);
        let code = eventually("a code is mailed", async || {
            let mail = self.mails_to(&email).await.pop()?;
            let mut runs = mail.split(|c: char| !c.is_ascii_digit());
            runs.find(|run| run.len() == 6).map(str::to_owned)
        })
        .await;
        let verify = json!({ "email": email, "otp": code });
        self.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
        let login = self.send(Call::post("/login", &body)).await.expect(200);
        Student {
            account_id: login.body["account"]["account_id"].as_str().expect("an id").to_owned(),
            token: login.text("access_token").to_owned(),
            email,
        }
    }

    /// Orders tokens and pays for them at the partner; answers what the browser gets.
    async fn pay_for_tokens(&self, student: &Student, count: u16, webhook: bool) -> Value {
        let order = Call::post("/create-order", &json!({ "token_count": count }));
        let order = self.send(order.bearer(&student.token)).await.expect(201);
        let sandbox = self.variable("SANDBOX_URL");
        let url = format!("{sandbox}/razorpay/sandbox/orders/{}/pay", order.text("order_id"));
        let control = json!({ "outcome": "captured", "webhook": webhook });
        let paid = self.http.post(url).json(&control).send().await.expect("the sandbox answers");
        paid.error_for_status().expect("it pays").json().await.expect("JSON")
    }

    async fn token_count(&self, student: &Student) -> u64 {
        let answer = self.send(Call::get("/student/tokens").bearer(&student.token)).await;
        answer.expect(200).body["count"].as_u64().expect("a number")
    }
}

/// Something that no other run has.
fn ulid_now() -> String {
    thali_platform::clock::Clock::System.ulid().to_string().to_lowercase()
}

/// Asks again until there is an answer; a panic where none comes in time.
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
