//! `thali keys`, on a stage of the test's own: what each command writes, and that an interrupted
//! rotation must be published before the next one.

use std::collections::HashMap;

use aws_sdk_ssm::types::ParameterType;
use serde_json::Value;

use super::operator::{printed, thali};
use super::{Stack, ulid_now};

/// What `thali` prints: which keys are in place, and which parameters to deploy.
#[derive(Debug, PartialEq, Eq)]
struct InPlace {
    current: String,
    next: String,
    previous: Option<String>,
    parameters: String,
}

impl InPlace {
    fn of(said: &str) -> Self {
        let words = |line: &'static str| -> Option<String> {
            let mut rests = said.lines().filter_map(|each| each.strip_prefix(line));
            rests.next().map(|rest| rest.trim().to_owned())
        };
        let (_, parameters) = said.rsplit_once("PARAMETERS=").expect("what to deploy");
        Self {
            current: words("signs ").expect("what signs"),
            next: words("next ").expect("what is next"),
            previous: words("previous "),
            parameters: parameters.trim_matches('\'').to_owned(),
        }
    }
}

/// A stage from which nothing is deployed.
struct Stage {
    stack: Stack,
    name: String,
    ssm: aws_sdk_ssm::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

impl Stage {
    async fn fresh() -> Self {
        let stack = Stack::running();
        let aws = stack.aws().await;
        let stage = Self {
            ssm: aws_sdk_ssm::Client::new(&aws),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            name: format!("keys-{}", ulid_now()),
            stack,
        };
        printed(&thali(&stage.stack, &["keys", "init", "--stage", &stage.name]));
        stage
    }

    fn says(&self, arguments: &[&str]) -> InPlace {
        let stage = ["--stage", self.name.as_str()];
        InPlace::of(&printed(&thali(&self.stack, &[&["keys"], arguments, &stage].concat())))
    }

    fn parameter(&self) -> String {
        format!("/thali/{}/jwks", self.name)
    }

    /// The set of public keys and its version.
    async fn published(&self) -> (String, i64) {
        let answer = self.ssm.get_parameter().name(self.parameter()).send().await;
        let parameter = answer.expect("it is there").parameter.expect("a parameter");
        (parameter.value.expect("a text"), parameter.version)
    }

    /// The secret and its version.
    async fn secret(&self) -> (HashMap<String, Value>, String) {
        let id = format!("thali/{}/keys", self.name);
        let answer = self.secrets.get_secret_value().secret_id(id).send().await.expect("a secret");
        let text = answer.secret_string.expect("a text");
        (serde_json::from_str(&text).expect("JSON"), answer.version_id.expect("a version"))
    }

    /// Removes one key from the secret, like a secret from before that key existed.
    async fn forget(&self, key: &str) {
        let (mut keys, _) = self.secret().await;
        assert!(keys.remove(key).is_some(), "{key} was there");
        let text = serde_json::to_string(&keys).expect("JSON");
        let id = format!("thali/{}/keys", self.name);
        let put = self.secrets.put_secret_value().secret_id(id).secret_string(text);
        put.send().await.expect("written");
    }

    /// Overwrites the parameter. With its old text, it is like a rotation that was killed before it
    /// wrote the parameter.
    async fn publish(&self, text: &str) {
        let put = self.ssm.put_parameter().name(self.parameter()).r#type(ParameterType::String);
        put.value(text).overwrite(true).send().await.expect("written");
    }
}

fn ids(public_set: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(public_set).expect("JSON");
    let keys = set["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_rotation_shifts_the_keys_and_prints_what_to_deploy() {
    let stage = Stage::fresh().await;
    let first = stage.says(&["publish"]);
    let (secret, _) = stage.secret().await;
    let second = stage.says(&["rotate"]);
    assert_eq!(second.current, first.next);
    assert_eq!(second.previous.as_ref(), Some(&first.current));

    let (rotated, secret_version) = stage.secret().await;
    let (public_set, parameter_version) = stage.published().await;
    let expected = [&first.current, &second.current, &second.next];
    assert_eq!(ids(&public_set).iter().collect::<Vec<_>>(), expected);
    let parameters = format!("KeysVersion={secret_version} JwksVersion=:{parameter_version}");
    assert_eq!(second.parameters, parameters);
    for other in ["refresh_key", "otp_key", "pin_key"] {
        assert_eq!(rotated[other], secret[other], "{other}");
    }

    let third = stage.says(&["rotate", "--drop-previous"]);
    assert_eq!((third.current.as_str(), third.previous), (second.next.as_str(), None));
    assert_eq!(ids(&stage.published().await.0), [third.current, third.next]);
}

#[tokio::test]
async fn existing_keys_are_kept_and_publishing_them_again_changes_nothing() {
    let stage = Stage::fresh().await;
    let before = (stage.secret().await, stage.published().await);
    printed(&thali(&stage.stack, &["keys", "init", "--stage", &stage.name]));
    stage.says(&["publish"]);
    assert_eq!((stage.secret().await, stage.published().await), before);
}

#[tokio::test]
async fn init_adds_a_missing_key_to_a_secret_and_keeps_all_others() {
    let stage = Stage::fresh().await;
    let published = stage.published().await;
    stage.forget("qr_key").await;
    let (old, old_version) = stage.secret().await;

    let said = printed(&thali(&stage.stack, &["keys", "init", "--stage", &stage.name]));
    assert!(said.contains(&format!("added qr_key to the secret thali/{}/keys", stage.name)));
    let (mut completed, version) = stage.secret().await;
    let parameters = format!("KeysVersion={version} JwksVersion=:{}", published.1);
    assert_eq!(InPlace::of(&said).parameters, parameters, "what to deploy");
    assert_ne!(version, old_version);
    let added = completed.remove("qr_key").expect("it is added");
    assert_eq!(added.as_str().map(str::len), Some(64));
    assert_eq!((completed, stage.published().await), (old, published));

    let before = stage.secret().await;
    let said = printed(&thali(&stage.stack, &["keys", "init", "--stage", &stage.name]));
    assert!(said.contains("kept the secret") && !said.contains("added"), "{said}");
    assert_eq!(stage.secret().await, before, "nothing is missing, so nothing is written");
}

#[tokio::test]
async fn an_interrupted_rotation_must_be_published_before_the_next_rotation() {
    let stage = Stage::fresh().await;
    let (old, _) = stage.published().await;
    let rotated = stage.says(&["rotate"]);
    stage.publish(&old).await;
    let secret = stage.secret().await;

    let refused = thali(&stage.stack, &["keys", "rotate", "--stage", &stage.name]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("thali keys publish"), "{said}");
    assert_eq!(stage.secret().await, secret, "nothing was changed");

    let published = stage.says(&["publish"]);
    assert_eq!((&published.current, &published.next), (&rotated.current, &rotated.next));
    assert_eq!(stage.says(&["rotate"]).current, rotated.next);
}
