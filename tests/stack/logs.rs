//! The logs of the deployed functions: every request can be found, and there is no personal data.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use serde_json::{Value, json};
use thali_functions::FUNCTIONS;
use thali_platform::lambda::Function;

use super::faults::{dead_letter, put_ses_into_its_sandbox};
use super::{Stack, Student, eventually, ulid_now};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, shapes};

/// A line of a log group.
struct Line {
    group: String,
    stream: String,
    text: String,
}

impl Line {
    /// The name of the function that wrote the line. It is in the name of the stream if functions
    /// share the group: `2026/01/31/function[$LATEST]id`.
    fn function(&self) -> &str {
        let name = self.stream.rsplit('/').next().and_then(|name| name.split_once('['));
        name.map(|(function, _)| function).unwrap_or_default()
    }
}

/// The beginnings of Lambda's own lines.
const PLATFORM: [&str; 4] = ["INIT_START ", "START ", "END ", "REPORT "];

/// How many failed attempts to send the mail of a message the mailer has logged.
pub(super) async fn mailer_tries(stack: &Stack, message_id: &str) -> usize {
    let client = Client::new(&stack.aws().await);
    let lines = lines_of(&client, worker_logs(stack), 0).await;
    let mailer = stack.name("mailer");
    let failed = |line: &&Line| {
        line.function() == mailer
            && line.text.contains(message_id)
            && line.text.contains("the message will come again")
    };
    lines.iter().filter(failed).count()
}

/// The lines of a worker or job from which `CloudWatch` makes metrics.
pub(super) async fn metric_lines(stack: &Stack, function: &str) -> Vec<Value> {
    let client = Client::new(&stack.aws().await);
    let lines = lines_of(&client, worker_logs(stack), 0).await;
    let own = lines.iter().filter(|line| line.function() == stack.name(function));
    let parsed = own.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
    parsed.filter(|line| !line["_aws"].is_null()).collect()
}

/// The log group of workers and jobs.
fn worker_logs(stack: &Stack) -> String {
    format!("/aws/lambda/{}", stack.name("workers"))
}

/// The lines of every log group of the stack since a time (milliseconds).
async fn lines(stack: &Stack, since_ms: i64) -> Vec<Line> {
    // The local AWS fails while it lists what it is adding to.
    let often = RetryConfig::standard().with_max_attempts(10);
    let config = Builder::from(&stack.aws().await).retry_config(often).build();
    let client = Client::from_conf(config);
    let mut pages = client.describe_log_groups().into_paginator().items().send();
    let mut lines = Vec::new();
    while let Some(group) = pages.next().await {
        let name = group.expect("the groups are listed").log_group_name.expect("it has a name");
        if name.contains(stack.variable("STACK_NAME")) {
            lines.extend(lines_of(&client, name, since_ms).await);
        }
    }
    lines
}

async fn lines_of(client: &Client, group: String, since_ms: i64) -> Vec<Line> {
    let mut spans = vec![(since_ms, jiff::Timestamp::now().as_millisecond())];
    let mut lines = Vec::new();
    while let Some((from, to)) = spans.pop() {
        let found = lines_between(client, &group, from, to).await;
        if found.len() >= EVENTS_MAX && from < to {
            let middle = from + (to - from) / 2;
            spans.extend([(middle + 1, to), (from, middle)]);
        } else {
            lines.extend(found);
        }
    }
    lines
}

/// The local AWS returns so many events, and does not say that there are more.
const EVENTS_MAX: usize = 10_000;

/// The lines of a log group from one time to another (milliseconds, both included).
async fn lines_between(client: &Client, group: &str, from: i64, to: i64) -> Vec<Line> {
    let request = client.filter_log_events().log_group_name(group).start_time(from).end_time(to);
    let mut pages = request.into_paginator().send();
    let mut lines = Vec::new();
    while let Some(page) = pages.next().await {
        let events = page.expect("the group can be read").events.unwrap_or_default();
        lines.extend(events.into_iter().map(|event| Line {
            group: group.to_owned(),
            stream: event.log_stream_name.unwrap_or_default(),
            text: event.message.unwrap_or_default(),
        }));
    }
    lines
}

/// The calls of one person, with all values that no log may contain.
struct Story {
    stack: Stack,
    secrets: Vec<(&'static str, String)>,
    request_ids: Vec<String>,
}

impl Story {
    async fn send(&mut self, call: Call) -> Answer {
        let answer = self.stack.send(call).await;
        self.request_ids.push(answer.header("x-request-id").to_owned());
        answer
    }

    /// Records a value that must not be logged, and returns it.
    fn secret(&mut self, what: &'static str, value: String) -> String {
        self.secrets.push((what, value.clone()));
        value
    }

    /// Signs up with all possible data, after some invalid requests, and logs in.
    async fn arrive(&mut self) -> Student {
        let unique = ulid_now();
        let last_digits = jiff::Timestamp::now().as_millisecond() % 1_000_000_000;
        let email = self.secret("e-mail", format!("quokka-{unique}@example.com"));
        let password = self.secret("password", format!("marzipan {unique} password"));
        let wanted = json!({
            "email": email,
            "password": password,
            "username": self.secret("username", format!("wombat-{}", &unique[14..])),
            "name": self.secret("name", "Zephyrine Quill".to_owned()),
            "phone": self.secret("phone number", format!("9{last_digits:09}")),
            "roll_no": self.secret("roll number", format!("rn-{unique}")),
            "room_no": self.secret("room number", format!("attic {unique}")),
        });
        let mut cut_off = wanted.to_string();
        cut_off.pop();
        let cut_off = Call::post_raw("/sign-up", "application/json", &cut_off);
        self.send(cut_off).await.expect(400);
        let mut wrong = wanted.clone();
        wrong["phone"] = json!(format!("{} or so", wanted["phone"]));
        wrong["confirm_password"] = json!(self.secret("typing error", format!("nougat {unique}")));
        self.send(Call::post("/sign-up", &wrong)).await.expect(422);
        let registration = self.send(Call::post("/sign-up", &wanted)).await.expect(202);

        let code = self.stack.code_mailed(&email, 1).await;
        let code = self.secret("one-time code", code);
        let guess = if code == "135791" { "246802" } else { "135791" };
        let guess = self.secret("guessed one-time code", guess.to_owned());
        let id = registration.text("registration_id");
        for (otp, status) in [(&guess, 409), (&code, 201)] {
            let verify = json!({ "registration_id": id, "otp": otp });
            self.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(status);
        }
        let guess = self.secret("guessed password", format!("praline {unique}"));
        let wrong = json!({ "email": email, "password": guess });
        self.send(Call::post("/login", &wrong)).await.expect(401);
        self.log_in(&email, &password).await
    }

    /// Records the tokens of a login or a refresh: the whole tokens and their secret last parts.
    fn session_secrets(&mut self, access: &str, cookie: &str) {
        let end = |token: &str| token.rsplit(['.', '=']).next().unwrap_or_default().to_owned();
        self.secret("access token", access.to_owned());
        self.secret("signature of the access token", end(access));
        self.secret("refresh token", end(cookie));
    }

    /// Buys tokens, redeems one after a wrong code, refreshes the session and logs out.
    async fn eat(&mut self, student: &Student, password: &str) {
        let token = &student.token;
        let order = Call::post("/create-order", &json!({ "token_count": 2 })).bearer(token);
        let order = self.send(order).await.expect(201);
        let paid = json!({ "outcome": "captured", "webhook": true, "wait": true });
        let mut checkout = self.stack.pay(order.text("order_id"), &paid).await;
        checkout.as_object_mut().expect("an object").remove("deliveries");
        let signature = checkout["signature"].as_str().expect("it is signed").to_owned();
        self.secret("signature of the payment", signature);
        self.send(Call::post("/verify-payment", &checkout).bearer(token)).await.expect(200);
        let forged = Call::post("/webhooks/razorpay", &json!({ "email": student.email }));
        self.send(forged.header("x-razorpay-signature", "forged")).await.expect(401);

        let guess = self.secret("guessed security code", format!("truffle {}", ulid_now()));
        for (code, status) in [(guess.as_str(), 403), (password, 201)] {
            let submit = json!({ "count": 1, "security_code": code });
            let submit = Call::post("/student/token-submission", &submit).bearer(token);
            self.send(submit).await.expect(status);
        }
        self.send(Call::get("/payment-history").bearer(token)).await.expect(200);
        self.send(Call::get("/student/tokens").bearer(&format!("{token}x"))).await.expect(401);
        let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&student.cookie);
        let refreshed = self.send(refresh).await.expect(200);
        self.session_secrets(refreshed.text("access_token"), &refreshed.cookie());
        let logout = Call::post("/student/logout", &json!({}));
        self.send(logout.bearer(refreshed.text("access_token"))).await.expect(204);
    }

    /// Resets the password, after a wrong code, and logs in.
    async fn reset_password(&mut self, student: &Student) -> (Student, String) {
        let unique = ulid_now();
        let email = &student.email;
        let forgot = Call::post("/password-reset", &json!({ "email": email }));
        self.send(forgot).await.expect(202);
        // The first mailed code was for the sign-up.
        let code = self.stack.code_mailed(email, 2).await;
        let code = self.secret("reset code", code);
        let guess = if code == "975310" { "864209" } else { "975310" };
        let guess = self.secret("guessed reset code", guess.to_owned());
        let password = self.secret("new password", format!("frangipane {unique} password"));
        for (otp, status) in [(&guess, 409), (&code, 204)] {
            let confirm = json!({ "email": email, "otp": otp, "new_password": password });
            self.send(Call::post("/password-reset/confirm", &confirm)).await.expect(status);
        }
        (self.log_in(email, &password).await, password)
    }

    async fn log_in(&mut self, email: &str, password: &str) -> Student {
        let login = json!({ "email": email, "password": password });
        let login = self.send(Call::post("/login", &login)).await.expect(200);
        let student = Student::of(&login);
        self.session_secrets(&student.token, &student.cookie);
        student
    }

    /// Fills in the whole profile, after an invalid request; sets a PIN and redeems with it; and
    /// requests an address for the upload of a picture.
    async fn change_profile(&mut self, student: &Student, password: &str) {
        let unique = ulid_now();
        let last_digits = jiff::Timestamp::now().as_millisecond() % 1_000_000_000;
        let change = |body: &Value| Call::patch("/student/profile", body).bearer(&student.token);
        let told = json!({
            "full_name": self.secret("new name", "Peregrine Thistlewood".to_owned()),
            "bio": self.secret("bio", format!("I juggle {unique} aubergines")),
            "phone": self.secret("new phone number", format!("8{last_digits:09}")),
            "address": self.secret("address", format!("{unique} Gooseberry Lane")),
            "profession": self.secret("profession", format!("lamplighter {unique}")),
            "date_of_birth": self.secret("date of birth", "1987-02-19".to_owned()),
        });
        let mut wrong = told.clone();
        wrong["date_of_birth"] = json!(self.secret("wrong date of birth", "19.2.1987".to_owned()));
        wrong["address"] = json!([told["address"]]);
        self.send(change(&wrong)).await.expect(422);
        self.send(change(&told)).await.expect(200);

        // A PIN of the maximum length: a shorter one could be in a line by chance.
        let pin = self.secret("PIN", "80462913".to_owned());
        let guess = self.secret("guessed current password", format!("fudge {unique}"));
        for (password, status) in [(guess.as_str(), 403), (password, 200)] {
            let body = json!({ "security_code": pin, "current_password": password });
            self.send(change(&body)).await.expect(status);
        }
        let guess = self.secret("guessed PIN", "31926408".to_owned());
        for (code, status) in [(&guess, 403), (&pin, 201)] {
            let submit = json!({ "count": 1, "security_code": code });
            let submit = Call::post("/student/token-submission", &submit).bearer(&student.token);
            self.send(submit).await.expect(status);
        }

        let picture = json!({ "content_type": "image/png", "content_length": 100 });
        let picture = Call::post("/student/profile/picture", &picture).bearer(&student.token);
        let upload = self.send(picture).await.expect(201).body["upload"].clone();
        let url = upload["url"].as_str().expect("an address");
        let (_, signature) = url.split_once("X-Amz-Signature=").expect("it is signed");
        let signature = signature.split('&').next().unwrap_or_default();
        assert!(signature.len() > 40, "{url}");
        self.secret("signature of an upload", signature.to_owned());
    }

    /// The owner makes an invite, with which somebody signs up, and blocks the student with a
    /// reason, which is mailed to the student.
    async fn be_blocked(&mut self, student: &Student) {
        let unique = ulid_now();
        let variable = |name| self.stack.variable(name).to_owned();
        let (email, password) = (variable("OWNER_EMAIL"), variable("OWNER_PASSWORD"));
        self.secret("owner's e-mail", email.clone());
        self.secret("owner's password", password.clone());
        let owner = self.log_in(&email, &password).await;
        let invite = Call::post("/api/v1/invites", &json!({ "role": "staff" }));
        let invite = self.send(invite.bearer(&owner.token)).await.expect(201);
        let code = self.secret("invite's code", invite.text("code").to_owned());
        let wanted = json!({
            "email": self.secret("invited e-mail", format!("bilby-{unique}@example.com")),
            "password": self.secret("invited password", format!("nutmeg {unique} password")),
            "role": "staff",
            "invite_code": code,
        });
        self.send(Call::post("/sign-up", &wanted)).await.expect(202);

        let reason = self.secret("reason", format!("Threw {unique} custard tarts"));
        let path = format!("/api/v1/students/{}/block", student.account_id);
        let block = Call::post(&path, &json!({ "reason": reason })).bearer(&owner.token);
        self.send(block).await.expect(200);
        eventually("the student is notified of the reason", async || {
            let mails = self.stack.mails_to(&student.email).await;
            mails.iter().any(|mail| mail.contains(&reason)).then_some(())
        })
        .await;
    }

    /// Signs up with an address that SES refuses. Returns the id of the message that becomes a
    /// dead letter.
    async fn be_refused_by_ses(&mut self) -> String {
        put_ses_into_its_sandbox(&self.stack).await;
        let email = self.secret("refused e-mail", format!("numbat-{}@nowhere.test", ulid_now()));
        let wanted = json!({ "email": email, "password": "a password of no account" });
        let registration = self.send(Call::post("/sign-up", &wanted)).await.expect(202);
        dead_letter(&self.stack, registration.text("registration_id")).await
    }
}

/// Whether a line contains a value. A short value, such as a code, counts only as a whole word:
/// its digits may also be part of a time, which ends in `Z`, or of an id.
fn holds(line: &str, value: &str) -> bool {
    if value.len() < 8 {
        line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == value)
    } else {
        line.to_lowercase().contains(&value.to_lowercase())
    }
}

#[tokio::test]
async fn every_request_is_logged_without_secrets_or_personal_data() {
    let since_ms = jiff::Timestamp::now().as_millisecond();
    let mut story = Story { stack: Stack::running(), secrets: Vec::new(), request_ids: Vec::new() };
    for variable in ["RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET"] {
        let value = story.stack.variable(variable).to_owned();
        story.secret("partner's secret", value);
    }
    let student = story.arrive().await;
    let (student, password) = story.reset_password(&student).await;
    story.eat(&student, &password).await;
    let student = story.log_in(&student.email, &password).await;
    story.change_profile(&student, &password).await;
    story.be_blocked(&student).await;
    let message_id = story.be_refused_by_ses().await;
    assert_eq!(mailer_tries(&story.stack, &message_id).await, 5);

    let ids = &story.request_ids;
    let lines = eventually("every request is in the logs", async || {
        let lines = lines(&story.stack, since_ms).await;
        let found = |id: &String| lines.iter().any(|line| line.text.contains(id));
        ids.iter().all(found).then_some(lines)
    })
    .await;
    for line in &lines {
        for (what, value) in &story.secrets {
            assert!(!holds(&line.text, value), "a {what} in {}: {}", line.group, line.text);
        }
    }
}

/// The secrets of the deployment: the fields in Secrets Manager that are not public, and the
/// credentials of the stack's own users.
async fn secrets_of(stack: &Stack) -> Vec<String> {
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws().await);
    let names =
        ["OWNER_EMAIL", "OWNER_PASSWORD", "STUDENT_EMAIL", "STUDENT_PASSWORD", "STAFF_TOKEN"];
    let mut secrets: Vec<String> =
        names.iter().map(|name| stack.variable(name).to_owned()).collect();
    secrets.push(PASSWORD.to_owned());
    let mut pages = client.list_secrets().into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.extend(page.expect("the secrets are listed").secret_list.unwrap_or_default());
    }
    for name in listed.into_iter().filter_map(|secret| secret.name) {
        let answer = client.get_secret_value().secret_id(&name).send().await.expect("it is read");
        let text = answer.secret_string.expect("it is text");
        let fields: HashMap<String, Value> = serde_json::from_str(&text).expect("it is JSON");
        let private = fields.into_iter().filter(|(field, _)| field != "key_id" && field != "jwks");
        // A list of webhook secrets is several secrets.
        let values = private.flat_map(|(_, value)| {
            let text = value.as_str().expect("a field is text").to_owned();
            text.split(',').map(str::to_owned).collect::<Vec<_>>()
        });
        secrets.extend(values);
    }
    assert!(secrets.len() > names.len() + 5, "{} secrets", secrets.len());
    secrets
}

/// `.config/nextest.toml` starts this test last, so that it reads the logs of all other tests.
#[tokio::test]
async fn nothing_secret_or_personal_is_in_any_line_since_the_stack_began() {
    let stack = Stack::running();
    let secrets = secrets_of(&stack).await;
    let lines = lines(&stack, 0).await;
    println!("{} lines, {} secrets", lines.len(), secrets.len());
    assert!(!lines.is_empty(), "something was logged");
    for Line { group, text, .. } in &lines {
        assert_eq!(shapes::forbidden(text), None, "in {group}: {text}");
        let secret = secrets.iter().position(|secret| holds(text, secret));
        assert_eq!(secret, None, "a secret is in {group}: {text}");
    }
}

/// The members of a line's span; one of them must have the id of the invocation.
fn ids_of_invocations(function: &Function) -> &'static [&'static str] {
    match function {
        Function::Endpoint(_) => &["request_id"],
        Function::Consumer(_) => &["message_id"],
        // If an invocation fails as a whole, Lambda's runtime logs it in its own span, which has
        // the same id under another name.
        Function::StreamReader(_) | Function::UploadCheck(_) | Function::Job(_) => {
            &["id", "requestId"]
        }
    }
}

/// Checks the lines of all functions that have run so far.
#[tokio::test]
async fn every_line_is_a_json_object_that_tells_its_invocation() {
    let stack = Stack::running();
    let student = stack.student("logged").await;
    stack.buy_tokens(&student, 1).await;
    let lines = lines(&stack, 0).await;
    let mut invocations = 0;
    for function in FUNCTIONS {
        let (name, full_name) = (function.name(), stack.name(function.name()));
        let ids = ids_of_invocations(function);
        let own = lines.iter().filter(|line| line.function() == full_name);
        let platforms = |text: &str| PLATFORM.iter().any(|begin| text.starts_with(begin));
        // The lines of a function's start come before any request, so they have no id.
        let mut started: HashMap<&str, bool> = HashMap::new();
        for Line { stream, text, .. } in own.filter(|line| !platforms(&line.text)) {
            let line: Value = serde_json::from_str(text).unwrap_or_default();
            let levels = ["INFO", "WARN", "ERROR"];
            let good = line["message"].is_string() && levels.iter().any(|l| line["level"] == *l);
            assert!(good, "{name}: {text}");
            let span = &line["span"];
            let has_id = ids.iter().any(|id| span[id].as_str().is_some_and(|id| !id.is_empty()));
            let serves = started.entry(stream).or_default();
            assert!(has_id || !*serves, "{name}: {text}");
            *serves |= has_id;
        }
        assert!(started.values().all(|serves| *serves), "{name} has lines without an id");
        invocations += started.len();
    }
    assert!(invocations >= 5, "{invocations} streams");
    let of_functions: BTreeSet<String> = FUNCTIONS.iter().map(|f| stack.name(f.name())).collect();
    let strange = lines.iter().find(|line| {
        line.group.starts_with("/aws/lambda/") && !of_functions.contains(line.function())
    });
    assert!(strange.is_none(), "whose line is this? {:?}", strange.map(|line| &line.text));
}
