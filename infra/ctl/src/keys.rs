//! `thali keys`: the signing and deriving keys of a deployment. The private ones go into
//! one secret, of which each function gets only the field that it needs; the public set
//! goes into a parameter that every verifying function reads.
//!
//! The secret is the truth and is written first, in one call, the public set with it. The
//! parameter is written from it, so whoever is killed in between writes it again with
//! `publish`; until then nothing rotates.

use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::types::ParameterType;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use thali_platform::auth::access::generate_key;
use thali_platform::auth::sha256_hex;
use thali_platform::auth::signing_keys::{KeyPair, Previous, StageKeys};
use thali_platform::clock::{Clock, random_hex};

use crate::{Failure, aws};

#[derive(Subcommand)]
pub enum Command {
    /// Makes the keys of a stage. Keys that exist are kept; those that a later version has
    /// come to need are added.
    Init {
        /// The stage that is to be deployed.
        #[arg(long)]
        stage: String,
    },
    /// Lets the next key sign from the next deployment on, and makes another next one.
    /// Nobody is logged out: tokens of the key before are good until they expire.
    Rotate {
        /// The stage whose keys are rotated.
        #[arg(long)]
        stage: String,
        /// The key that signs now has leaked: its access tokens are refused once this is
        /// deployed, and their holders go on with their refresh cookies.
        #[arg(long)]
        drop_previous: bool,
    },
    /// Writes the public keys again from the secret, and says which keys are in place.
    Publish {
        /// The stage whose keys are published.
        #[arg(long)]
        stage: String,
    },
}

pub async fn run(stack: &str, command: Command) -> Result<(), Failure> {
    match command {
        Command::Init { stage } => Keys::of(stage).await.init(stack).await,
        Command::Rotate { stage, drop_previous } => {
            let previous = if drop_previous { Previous::Dropped } else { Previous::Kept };
            Keys::of(stage).await.rotate(stack, previous).await
        }
        Command::Publish { stage } => Keys::of(stage).await.publish_and_tell(stack).await,
    }
}

/// Where the keys of one stage are.
struct Keys {
    stage: String,
    secret_id: String,
    parameter: String,
    secrets: aws_sdk_secretsmanager::Client,
    parameters: aws_sdk_ssm::Client,
}

/// The secret as it was read.
struct Secret {
    keys: StageKeys,
    version_id: String,
}

impl Keys {
    async fn of(stage: String) -> Self {
        let aws = aws::config().await;
        Self {
            secret_id: format!("thali/{stage}/keys"),
            parameter: format!("/thali/{stage}/jwks"),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            parameters: aws_sdk_ssm::Client::new(&aws),
            stage,
        }
    }

    async fn init(&self, stack: &str) -> Result<(), Failure> {
        let keys = StageKeys::new(&fresh_key(), &fresh_key(), deriving_keys());
        let created = self
            .secrets
            .create_secret()
            .name(&self.secret_id)
            .description("Thali's signing and deriving keys. Made by `thali keys init`.")
            .secret_string(serde_json::to_string(&keys)?)
            .send()
            .await;
        match created {
            Ok(_) => println!("made the secret {}", self.secret_id),
            Err(error) => match error.into_service_error() {
                CreateSecretError::ResourceExistsException(_) => {
                    return self.complete(stack).await;
                }
                error => return Err(error.into()),
            },
        }
        let secret = self.secret_get().await?;
        self.publish(&secret.keys).await?;
        Ok(())
    }

    /// Adds to the secret what it lacks, and writes nothing where it lacks nothing.
    async fn complete(&self, stack: &str) -> Result<(), Failure> {
        let Secret { mut keys, version_id } = self.secret_get().await?;
        let added = keys.add_missing(deriving_keys());
        if added.is_empty() {
            println!("kept the secret {}", self.secret_id);
            self.publish(&keys).await?;
            return Ok(());
        }
        self.secret_put(&keys, &version_id).await?;
        println!("added {} to the secret {}", added.join(", "), self.secret_id);
        self.publish_and_tell(stack).await
    }

    /// Rotates once. A rotation that was cut off before its public set was published is
    /// not followed by another one: whoever runs this again does not know of the first.
    async fn rotate(&self, stack: &str, previous: Previous) -> Result<(), Failure> {
        let Secret { keys, version_id } = self.secret_get().await?;
        if self.published_version(&keys).await?.is_none() {
            let (secret, parameter, stage) = (&self.secret_id, &self.parameter, &self.stage);
            return Err(format!(
                "the parameter {parameter} is not what the secret {secret} says, so a rotation \
                 may have been cut off. Nothing was changed. Run `thali keys publish --stage \
                 {stage}` and look whether the rotation that you want has happened"
            )
            .into());
        }
        if keys.ids().next.is_none() {
            println!(
                "There was no next key yet. This run only makes one known: nothing signs with it \
                 before you have deployed, and rotated again."
            );
        }
        let keys = keys.rotate(&fresh_key(), previous)?;
        self.secret_put(&keys, &version_id).await?;
        println!("wrote the secret {}", self.secret_id);
        self.publish_and_tell(stack).await
    }

    /// Publishes, and says which keys are in place and how they are deployed.
    async fn publish_and_tell(&self, stack: &str) -> Result<(), Failure> {
        let Secret { keys, version_id } = self.secret_get().await?;
        let parameter_version = self.publish(&keys).await?;
        let ids = keys.ids();
        println!("signs      {}", ids.current);
        println!("next       {}", ids.next.as_deref().unwrap_or("none yet"));
        for id in &ids.previous {
            println!("previous   {id}");
        }
        println!("Functions have what they were deployed with until you run\n");
        println!(
            "make deploy STAGE={} STACK_NAME={stack} \
             PARAMETERS='KeysVersion={version_id} JwksVersion=:{parameter_version}'",
            self.stage
        );
        Ok(())
    }

    /// Makes the parameter what the secret says; answers the parameter's version, which
    /// stays where nothing changed.
    async fn publish(&self, keys: &StageKeys) -> Result<i64, Failure> {
        if let Some(version) = self.published_version(keys).await? {
            println!("kept the parameter {}", self.parameter);
            return Ok(version);
        }
        let written = self
            .parameters
            .put_parameter()
            .name(&self.parameter)
            .description("The public keys of Thali's access tokens.")
            .r#type(ParameterType::String)
            .value(keys.public_text())
            .overwrite(true)
            .send()
            .await?;
        println!("wrote the parameter {}", self.parameter);
        Ok(written.version())
    }

    /// Writes the secret that follows from its version `version_id`.
    async fn secret_put(&self, keys: &StageKeys, version_id: &str) -> Result<(), Failure> {
        self.secrets
            .put_secret_value()
            .secret_id(&self.secret_id)
            // It follows from the version that was read: of two changes of one version at
            // once, Secrets Manager refuses the second.
            .client_request_token(sha256_hex(&format!("{} after {version_id}", self.secret_id)))
            .secret_string(serde_json::to_string(keys)?)
            .send()
            .await?;
        Ok(())
    }

    async fn secret_get(&self) -> Result<Secret, Failure> {
        let answer = self.secrets.get_secret_value().secret_id(&self.secret_id).send().await?;
        let keys = serde_json::from_str(answer.secret_string().unwrap_or_default())?;
        let version_id = answer.version_id().unwrap_or_default().to_owned();
        Ok(Secret { keys, version_id })
    }

    /// The parameter's version, where it holds the public set of `keys`.
    async fn published_version(&self, keys: &StageKeys) -> Result<Option<i64>, Failure> {
        let answer = match self.parameters.get_parameter().name(&self.parameter).send().await {
            Ok(answer) => answer,
            Err(error) => match error.into_service_error() {
                GetParameterError::ParameterNotFound(_) => return Ok(None),
                error => return Err(error.into()),
            },
        };
        let parameter = answer.parameter().ok_or("SSM answered without the parameter")?;
        let published = keys.is_published_as(parameter.value().unwrap_or_default());
        Ok(published.then(|| parameter.version()))
    }
}

fn fresh_key() -> KeyPair {
    generate_key(&Clock::System.ulid().to_string())
}

/// The keys that derive refresh tokens, one-time codes and the keys of students' codes, and
/// hash security codes.
fn deriving_keys() -> Map<String, Value> {
    let names = ["refresh_key", "otp_key", "pin_key", "qr_key"];
    names.iter().map(|name| ((*name).to_owned(), json!(random_hex::<32>()))).collect()
}
