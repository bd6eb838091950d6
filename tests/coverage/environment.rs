//! Tests that each function has the variables that it needs and no secret of others, that nobody
//! reads them in its configuration, and that they stay within the limits of AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use thali_functions::FUNCTIONS;
use thali_platform::auth::access::generate_key;
use thali_platform::auth::signing_keys::{Previous, StageKeys};
use thali_platform::config::Part;

use super::functions_in_template;
use crate::support::template::{resources, root, template};

/// Lambda takes environments of at most 4 KB, names and values together.
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// `CloudFormation` takes 60 references to values elsewhere; the difference is for later ones.
const REFERENCES_MAX: u64 = 50;

/// The longest name that Lambda takes for a function.
const FUNCTION_NAME_MAX: usize = 64;

/// The variables that a part needs; `APP_URL` and `REDIS_URL` may be empty.
fn variables_of(part: Part) -> &'static [&'static str] {
    match part {
        Part::Cache => &["REDIS_URL"],
        Part::PublicKeys => &["JWKS"],
        Part::SigningKey => &["JWT_SIGNING_KEY"],
        Part::RefreshKey => &["REFRESH_KEY"],
        Part::OtpKey => &["OTP_KEY"],
        Part::PinKey => &["PIN_KEY"],
        Part::QrKey => &["QR_KEY"],
        Part::Razorpay => &["RAZORPAY_URL", "RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET"],
        Part::WebhookSecrets => &["RAZORPAY_WEBHOOK_SECRETS"],
        Part::Queues => &[
            "QUEUE_MAIL_URL",
            "QUEUE_AUDIT_URL",
            "QUEUE_REFUNDS_URL",
            "QUEUE_ORDERS_URL",
            "QUEUE_NOTICES_URL",
            "QUEUE_ANNOUNCEMENTS_URL",
        ],
        Part::Mail => &["MAIL_FROM", "APP_URL"],
        Part::Blobs => &["BUCKET"],
        Part::Web => &["RAZORPAY_URL"],
    }
}

/// The variables that every function gets.
fn common_variables() -> BTreeMap<String, Value> {
    let globals = &template()["Globals"]["Function"]["Environment"]["Variables"];
    let globals = globals.as_object().expect("there are some").clone();
    globals.into_iter().collect()
}

/// The variables that only this function gets.
fn own_variables(function: &Value) -> BTreeMap<String, Value> {
    let given = function["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
    given.into_iter().collect()
}

#[test]
fn a_function_has_exactly_the_variables_that_it_needs() {
    let (functions, common) = (functions_in_template(), common_variables());
    for function in FUNCTIONS {
        let name = function.name();
        let parts = function.parts();
        let needed: BTreeSet<&str> =
            parts.iter().flat_map(|part| variables_of(*part)).copied().collect();
        let own = own_variables(&functions[name]);
        let missing =
            needed.iter().find(|it| !common.contains_key(**it) && !own.contains_key(**it));
        assert_eq!(missing, None, "{name}");
        // An empty value takes away what every function has.
        let given = own.iter().filter(|(_, value)| *value != "");
        let unused = given.map(|(name, _)| name).find(|it| !needed.contains(it.as_str()));
        assert_eq!(unused, None, "{name}");
    }
}

/// A variable is hidden if it comes from a `NoEcho` parameter or from Secrets Manager.
#[test]
fn the_only_hidden_common_variable_is_redis_url() {
    let template = template();
    let hidden = |value: &Value| {
        let parameter = value["!Ref"].as_str().unwrap_or_default();
        template["Parameters"][parameter]["NoEcho"] == true
            || value.to_string().contains("{{resolve:")
    };
    let given = common_variables().into_iter().filter(|(_, value)| hidden(value));
    assert_eq!(given.map(|(name, _)| name).collect::<Vec<_>>(), ["REDIS_URL"]);
}

#[test]
fn only_functions_that_use_redis_get_its_address() {
    let functions = functions_in_template();
    for function in FUNCTIONS {
        let name = function.name();
        let own = &functions[name]["Environment"]["Variables"]["REDIS_URL"];
        // These have no rate limit and no session.
        let uses_redis =
            function.parts().contains(&Part::Cache) && !["jwks", "web"].contains(&name);
        assert_eq!(*own == "", !uses_redis, "{name}");
    }
}

#[test]
fn functions_read_the_deployed_version_of_the_public_keys() {
    assert_eq!(common_variables()["JWKS"]["!GetAtt"], "PublicKeys.Value");
    let deployed = &resources(&template(), "AWS::SSM::Parameter")["PublicKeys"]["Properties"];
    let reference = "{{resolve:ssm:/thali/${Stage}/jwks${JwksVersion}}}";
    assert_eq!(deployed["Value"]["!Sub"], reference);
}

#[test]
fn functions_that_call_razorpay_have_their_own_redis_address() {
    let functions = functions_in_template();
    for function in FUNCTIONS {
        let own = &functions[function.name()]["Environment"]["Variables"]["REDIS_URL"];
        let calls_razorpay = function.parts().contains(&Part::Razorpay);
        assert_eq!(own["!Ref"] == "PartnerRedisUrl", calls_razorpay, "{}", function.name());
    }
    assert_eq!(common_variables()["REDIS_URL"]["!Ref"], "RedisUrl");
}

/// Values as long as they get, with a stack's name as long as Lambda allows.
fn long_values() -> BTreeMap<String, String> {
    let longest = FUNCTIONS.iter().map(|function| function.name().len()).max().expect("some");
    let stack = "s".repeat(FUNCTION_NAME_MAX - 1 - longest);
    let (first, second, third) = (generate_key(ULID), generate_key(ULID), generate_key(ULID));
    let keys = StageKeys::new(&first, &second, Map::new());
    let keys = keys.rotate(&third, Previous::Kept).expect("both keys are there");
    let queue = |name: &str| {
        format!("https://sqs.ap-southeast-1.amazonaws.com/123456789012/{stack}-{name}")
    };
    let hexadecimal = "f".repeat(64);
    let mut values = BTreeMap::from(
        [
            ("STAGE", "s".repeat(16)),
            ("LOG_LEVEL", "info".to_owned()),
            ("DEFAULT_MESS_ID", format!("mess_{ULID}")),
            ("RATE_LIMIT_FACTOR", "1000".to_owned()),
            ("JWT_ISSUER", format!("thali-{}", "s".repeat(16))),
            ("RAZORPAY_URL", "https://api.razorpay.com".to_owned()),
            ("JWKS", keys.public_text()),
            ("REDIS_URL", format!("rediss://{}", "r".repeat(200))),
            ("BUCKET", format!("{stack}-blobs-123456789012")),
            ("APP_URL", format!("https://{}", "a".repeat(100))),
            ("MAIL_FROM", format!("{}@example.org", "m".repeat(64))),
            ("JWT_SIGNING_KEY", first.0.expose_secret().to_owned()),
            ("RAZORPAY_KEY_ID", format!("rzp_live_{}", "k".repeat(14))),
            ("RAZORPAY_KEY_SECRET", "k".repeat(24)),
            ("RAZORPAY_WEBHOOK_SECRETS", format!("{hexadecimal},{hexadecimal}")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for table in ["accounts", "tokens", "orders", "meals", "audit"] {
        values.insert(format!("TABLE_{}", table.to_uppercase()), format!("{stack}-{table}"));
    }
    for name in ["mail", "audit", "refunds", "orders", "notices", "announcements"] {
        values.insert(format!("QUEUE_{}_URL", name.to_uppercase()), queue(name));
    }
    for name in ["REFRESH_KEY", "OTP_KEY", "PIN_KEY", "QR_KEY"] {
        values.insert(name.to_owned(), hexadecimal.clone());
    }
    values
}

/// An id as long as all of them.
const ULID: &str = "01J0000000000000000000000A";

#[test]
fn no_function_exceeds_the_size_of_an_environment() {
    let values = long_values();
    let common = common_variables();
    let sizes = functions_in_template().into_iter().map(|(name, function)| {
        let mut environment = common.clone();
        environment.extend(own_variables(&function));
        let long = environment.into_iter().map(|(variable, given)| {
            let value = if given == "" { "" } else { values.get(&variable).expect(&variable) };
            (variable, json!(value))
        });
        (Value::Object(long.collect()).to_string().len(), name)
    });
    let sizes: BTreeSet<(usize, String)> = sizes.collect();
    let (bytes, largest) = sizes.last().expect("there are functions");
    println!("{largest} has the largest environment, {bytes} bytes");
    assert!(*bytes > 2_000 && *bytes <= ENVIRONMENT_BYTES_MAX, "{largest}: {bytes} bytes");
}

#[test]
fn every_environment_is_encrypted_under_the_stacks_own_key() {
    let template = template();
    let key = &template["Globals"]["Function"]["KmsKeyArn"]["!GetAtt"];
    assert_eq!(key, "ConfigurationKey.Arn");
    assert!(resources(&template, "AWS::KMS::Key").contains_key("ConfigurationKey"));
    for (name, function) in functions_in_template() {
        assert_eq!(function["KmsKeyArn"], Value::Null, "{name}");
    }
}

#[test]
fn the_template_has_few_enough_references_to_values_elsewhere() {
    let expand = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("tests/coverage/expand.py"))
        .arg(root().join("template.yaml"))
        .env("AWS_DEFAULT_REGION", "ap-south-1")
        .output()
        .expect("`make init` installs it");
    assert!(expand.status.success(), "{}", String::from_utf8_lossy(&expand.stderr));
    let expanded: Value = serde_json::from_slice(&expand.stdout).expect("JSON");
    let references = expanded["references"].as_u64().expect("a number");
    assert!((20..=REFERENCES_MAX).contains(&references), "{references} references");
}
