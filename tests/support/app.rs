//! The real handlers in this process: with a `DynamoDB` store and a Redis of the test's own, a
//! clock that only the test moves, and mails, queues and blobs in memory.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::accounts::identity::Name;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::mess::{Approval, Mess, ZoneName};
use thali_functions::FUNCTIONS;
use thali_functions::workers::{
    announcer, audit_writer, cache_evictor, mailer, notifier, order_processor, refunder, relay,
};
use thali_platform::app::{App, Backends};
use thali_platform::auth::access::generate_key;
use thali_platform::blobs::Blobs;
use thali_platform::clock::Clock;
use thali_platform::config::{Config, Part};
use thali_platform::http::{Endpoint, dispatch, route};
use thali_platform::lambda::Function;
use thali_platform::mail::{Mail, Mailer};
use thali_platform::queue::{QueueName, Queues};
use thali_platform::store::{Stamp, keys};
use thali_platform::worker::{BatchResponse, Consumer, consume};
use thali_sandbox::{RazorpayConfig, Sandbox, SandboxConfig};

use super::call::{Answer, Call};
use super::dynamo::{Dynamo, STACK};
use super::meter::{Cost, Meter};
use super::redis_server::RedisServer;

pub const RAZORPAY_KEY_SECRET: &str = "test-key-secret";

/// The current secret that signs webhooks; the previous one is `test-webhook-old`.
pub const RAZORPAY_WEBHOOK_SECRET: &str = "test-webhook-new";

/// The secret from which the keys that sign students' codes are derived.
pub const QR_KEY: &str = "test-qr-key";

const PARTS: [Part; 12] = [
    Part::Cache,
    Part::PublicKeys,
    Part::SigningKey,
    Part::RefreshKey,
    Part::OtpKey,
    Part::PinKey,
    Part::QrKey,
    Part::Razorpay,
    Part::WebhookSecrets,
    Part::Queues,
    Part::Mail,
    Part::Blobs,
];

pub struct TestApp {
    /// The app that is passed to the handlers.
    pub app: App,
    /// The sandbox that stands in for Razorpay.
    pub sandbox: Sandbox,
    pub redis: RedisServer,
    pub dynamo: Dynamo,
    /// The default mess, for requests that name none. It admits students without approval.
    pub mess_id: MessId,
    /// The private key that signs access tokens, as configured.
    pub signing_key: String,
    environment: HashMap<&'static str, String>,
    meter: Meter,
    calls: std::sync::atomic::AtomicU64,
}

impl TestApp {
    /// Starts an app with rate limits so high that no test reaches them.
    pub async fn start() -> Self {
        Self::start_with("RATE_LIMIT_FACTOR", "1000").await
    }

    /// Starts an app with one environment variable of the test's choice.
    pub async fn start_with(variable: &'static str, value: &str) -> Self {
        let dynamo = Dynamo::start().await;
        let redis = RedisServer::start();
        let sandbox = start_sandbox().await;
        let (private, public) = generate_key("test-key");
        let signing_key = secrecy::ExposeSecret::expose_secret(&private).to_owned();
        let jwks = json!({ "keys": [public] }).to_string();
        let mut environment =
            environment(&redis.url(), &sandbox.razorpay_url(), &signing_key, jwks);
        environment.insert(variable, value.to_owned());
        let clock = Clock::fixed("2026-01-15T06:30:00Z".parse().expect("a time"));
        let meter = Meter::default();
        let app = app_of(&environment, backends(&dynamo, &meter, clock));
        let mess_id = MessId::parse("mess_demo").expect("an id");
        let calls = 0.into();
        let test =
            Self { app, sandbox, redis, dynamo, mess_id, signing_key, environment, meter, calls };
        test.create_mess("mess_demo", Approval::Automatic).await;
        test
    }

    /// The app of another process, with the same tables and nothing in its memory. `change`
    /// overrides environment variables; an empty value unsets one.
    pub fn another_process(&self, change: &[(&'static str, &str)]) -> App {
        let mut environment = self.environment.clone();
        for (name, value) in change {
            environment.insert(name, (*value).to_owned());
        }
        app_of(&environment, self.backends())
    }

    /// The app of another process, with changed backends.
    pub fn process_with(&self, change: impl FnOnce(&mut Backends)) -> App {
        let mut backends = self.backends();
        change(&mut backends);
        app_of(&self.environment, backends)
    }

    fn backends(&self) -> Backends {
        backends(&self.dynamo, &self.meter, self.app.clock.clone())
    }

    /// The meter of all `DynamoDB` requests of this app and its other processes, reset to zero.
    /// Every app is metered, so the measured app is the tested one.
    pub fn meter(&self) -> Meter {
        self.meter.take();
        self.meter.clone()
    }

    /// The cost of a call that must get this status. As deployed, an endpoint that calls Razorpay
    /// has no Redis.
    pub async fn cost_of(&self, call: Call, status: u16) -> Cost {
        let parts = endpoint_of(call.method(), call.path()).all_parts();
        let redis = if parts.contains(&Part::Razorpay) { "" } else { &self.redis.url() };
        let process = self.another_process(&[("REDIS_URL", redis)]);
        let meter = self.meter();
        self.send_to(&process, call).await.expect(status);
        meter.take()
    }

    /// Creates a mess in the time zone of Kolkata, with default settings.
    pub async fn create_mess(&self, id: &str, approval: Approval) {
        let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
        let name = Name::parse("Demo Mess").expect("a name");
        let mess = Mess::with_defaults(MessId::parse(id).expect("an id"), name, zone);
        let mess = Mess { approval, ..mess };
        assert!(self.app.store.mess_create(&mess, &self.stamp()).await.expect("stored"));
    }

    /// A stamp for writes of the test itself.
    pub fn stamp(&self) -> Stamp {
        Stamp { actor: "test".into(), request_id: "test".into(), at: self.now() }
    }

    /// The current time of the app's clock.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: SignedDuration) {
        self.app.clock.advance(by);
    }

    /// Sends a call through the endpoint that the gateway would choose.
    pub async fn send(&self, call: Call) -> Answer {
        self.send_to(&self.app, call).await
    }

    /// Sends a call to an app of [`TestApp::another_process`].
    pub async fn send_to(&self, app: &App, call: Call) -> Answer {
        let endpoint = endpoint_of(call.method(), call.path());
        let is_head = call.method() == "HEAD";
        let answer = self.run_endpoint(app, endpoint, call).await;
        // A refusal of a HEAD has no body that could say which it is.
        if !is_head || answer.status < 400 {
            check_documented(endpoint, &answer);
        }
        answer
    }

    /// Sends a call to an endpoint whatever the call's method and path are, as a route for all
    /// methods does.
    pub async fn send_to_endpoint(&self, endpoint: &Endpoint, call: Call) -> Answer {
        self.run_endpoint(&self.app, endpoint, call).await
    }

    async fn run_endpoint(&self, app: &App, endpoint: &Endpoint, call: Call) -> Answer {
        let number = self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let event = call.event(endpoint.paths[0], &format!("request-{number}")).to_string();
        let request = lambda_http::request::from_str(&event).expect("the gateway's format");
        let (parts, body) = dispatch(app, endpoint, request.into()).await.into_parts();
        Answer::new(parts.status.as_u16(), parts.headers, &body)
    }

    /// Sets a text of a stored account, as an earlier version may have stored it.
    pub async fn set_in_account_of(&self, id: AccountId, attribute: &str, stored: &str) {
        let value = AttributeValue::S(stored.to_owned());
        self.dynamo.set("accounts", &keys::account(id), attribute, value).await;
    }

    /// Runs all follow-up work of the writes so far: evicts changed items from the cache, relays
    /// the changes, and processes the queues until they are empty. No message may fail. Returns
    /// the mails that were sent.
    pub async fn settle(&self) -> Vec<Mail> {
        loop {
            let changes = self.dynamo.new_changes().await;
            if changes.is_empty() {
                return self.app.mailer().take();
            }
            // Not asserted: it fails if the test has stopped Redis.
            self.evict(&changes).await;
            assert_eq!(self.relay(&changes).await, BatchResponse::default());
            for (consumer, queue) in consumers() {
                // A worker may send more messages to its own queue.
                loop {
                    let bodies = self.app.queues().take(queue);
                    if bodies.is_empty() {
                        break;
                    }
                    assert_eq!(self.consume(consumer, &bodies).await, BatchResponse::default());
                }
            }
        }
    }

    pub async fn relay(&self, changes: &[Value]) -> BatchResponse {
        let event = serde_json::from_value(json!({ "Records": changes }));
        relay::relay(&self.app, event.expect("the stream's format")).await
    }

    pub async fn evict(&self, changes: &[Value]) -> BatchResponse {
        let event = serde_json::from_value(json!({ "Records": changes }));
        cache_evictor::evict(&self.app, event.expect("the stream's format")).await
    }

    /// Invokes a consumer with messages, whose ids are their indices.
    pub async fn consume(&self, consumer: &Consumer, bodies: &[String]) -> BatchResponse {
        let message = |(index, body): (usize, &String)| json!({ "messageId": index.to_string(), "body": body });
        let records: Vec<Value> = bodies.iter().enumerate().map(message).collect();
        let event = serde_json::from_value(json!({ "Records": records })).expect("SQS's format");
        consume(&self.app, consumer, event).await
    }
}

/// The consumers. Those whose writes and messages the others need come first.
fn consumers() -> [(&'static Consumer, QueueName); 6] {
    [
        (&announcer::CONSUMER, QueueName::Announcements),
        (&order_processor::CONSUMER, QueueName::Orders),
        (&refunder::CONSUMER, QueueName::Refunds),
        (&mailer::CONSUMER, QueueName::Mail),
        (&audit_writer::CONSUMER, QueueName::Audit),
        (&notifier::CONSUMER, QueueName::Notices),
    ]
}

async fn start_sandbox() -> Sandbox {
    let razorpay = RazorpayConfig {
        key_id: "rzp_test_key".to_owned(),
        key_secret: RAZORPAY_KEY_SECRET.to_owned(),
        webhook_secret: RAZORPAY_WEBHOOK_SECRET.to_owned(),
        ..RazorpayConfig::default()
    };
    let config = SandboxConfig { razorpay, ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a free port")
}

fn environment(
    redis: &str,
    razorpay: &str,
    signing_key: &str,
    jwks: String,
) -> HashMap<&'static str, String> {
    let table = |name: &str| format!("{STACK}-{name}");
    HashMap::from([
        ("STAGE", "test".to_owned()),
        ("TABLE_ACCOUNTS", table("accounts")),
        ("TABLE_TOKENS", table("tokens")),
        ("TABLE_ORDERS", table("orders")),
        ("TABLE_MEALS", table("meals")),
        ("TABLE_AUDIT", table("audit")),
        ("DEFAULT_MESS_ID", "mess_demo".to_owned()),
        ("REDIS_URL", redis.to_owned()),
        ("RATE_LIMIT_FACTOR", "1000".to_owned()),
        ("JWT_ISSUER", "thali-test".to_owned()),
        ("JWT_SIGNING_KEY", signing_key.to_owned()),
        ("JWKS", jwks),
        ("REFRESH_KEY", "test-refresh-key".to_owned()),
        ("OTP_KEY", "test-otp-key".to_owned()),
        ("PIN_KEY", "test-pin-key".to_owned()),
        ("QR_KEY", QR_KEY.to_owned()),
        ("RAZORPAY_URL", razorpay.to_owned()),
        ("RAZORPAY_KEY_ID", "rzp_test_key".to_owned()),
        ("RAZORPAY_KEY_SECRET", RAZORPAY_KEY_SECRET.to_owned()),
        ("RAZORPAY_WEBHOOK_SECRETS", format!("{RAZORPAY_WEBHOOK_SECRET},test-webhook-old")),
        ("QUEUE_MAIL_URL", "memory".to_owned()),
        ("QUEUE_AUDIT_URL", "memory".to_owned()),
        ("QUEUE_REFUNDS_URL", "memory".to_owned()),
        ("QUEUE_ORDERS_URL", "memory".to_owned()),
        ("QUEUE_NOTICES_URL", "memory".to_owned()),
        ("QUEUE_ANNOUNCEMENTS_URL", "memory".to_owned()),
        ("BUCKET", "memory".to_owned()),
        ("MAIL_FROM", "mess@thali.test".to_owned()),
        ("APP_URL", "https://thali.test".to_owned()),
    ])
}

fn backends(dynamo: &Dynamo, meter: &Meter, clock: Clock) -> Backends {
    Backends {
        dynamodb: dynamo.metered_client(meter),
        queues: Some(Queues::Memory(std::sync::Mutex::default())),
        mailer: Some(Mailer::Memory(std::sync::Mutex::default())),
        blobs: Some(Blobs::Memory(std::sync::Mutex::default())),
        clock,
    }
}

fn app_of(environment: &HashMap<&'static str, String>, backends: Backends) -> App {
    let config = Config::read(&PARTS, &|name| environment.get(name).cloned());
    App::new(config.expect("complete"), backends).expect("the app starts")
}

/// The endpoint to which the gateway would send a call; the fallback if no endpoint has its
/// method and path.
fn endpoint_of(method: &str, path: &str) -> &'static Endpoint {
    let endpoints: Vec<&Endpoint> = FUNCTIONS.iter().filter_map(Function::endpoint).collect();
    route(&endpoints, method, path).0
}

/// Asserts that the endpoint declares this response, so that its OpenAPI description is complete.
#[track_caller]
fn check_documented(endpoint: &Endpoint, answer: &Answer) {
    let Answer { status, body, .. } = answer;
    let declared = match body["code"].as_str() {
        Some(code) if *status >= 400 => endpoint.refusal_codes().contains(&code),
        _ => endpoint.docs.answers.iter().flatten().any(|declared| declared.status == *status),
    };
    let tells_cache = endpoint.docs.tells_cache && *status < 400;
    let told = ["hit", "miss"].contains(&answer.header("x-cache"));
    assert_eq!(told, tells_cache, "{} tells: {:?}", endpoint.name, answer.headers);
    assert!(declared, "{} does not declare that it answers {status} {body}", endpoint.name);
}
