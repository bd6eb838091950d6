//! `thali keys`: the signing and deriving keys of a deployment. The private ones go into
//! one secret, of which each function gets only the field that it needs; the public set
//! goes into a parameter that every verifying function reads.

use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_ssm::types::ParameterType;
use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;
use thali_platform::app::aws_config;
use thali_platform::auth::access::generate_key;
use thali_platform::clock::{Clock, random_hex};

use crate::Failure;

#[derive(Subcommand)]
pub enum Command {
    /// Makes the keys of a stage; keys that exist are kept.
    Init {
        /// The stage that is to be deployed.
        #[arg(long)]
        stage: String,
    },
}

pub async fn run(command: Command) -> Result<(), Failure> {
    let Command::Init { stage } = command;
    init(&stage).await
}

/// The private half is written first, together with the public set: whoever is killed in
/// between finds both there at the next run.
async fn init(stage: &str) -> Result<(), Failure> {
    let aws = aws_config().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let parameters = aws_sdk_ssm::Client::new(&aws);
    let secret_id = format!("thali/{stage}/keys");
    let parameter = format!("/thali/{stage}/jwks");

    let created = secrets
        .create_secret()
        .name(&secret_id)
        .description("Thali's signing and deriving keys. Made by `thali keys init`.")
        .secret_string(fresh_keys().to_string())
        .send()
        .await;
    match created {
        Ok(_) => println!("made the secret {secret_id}"),
        Err(error) => match error.into_service_error() {
            CreateSecretError::ResourceExistsException(_) => {
                println!("kept the secret {secret_id}");
            }
            error => return Err(error.into()),
        },
    }
    let answer = secrets.get_secret_value().secret_id(&secret_id).send().await?;
    let keys: serde_json::Value = serde_json::from_str(answer.secret_string().unwrap_or_default())?;
    parameters
        .put_parameter()
        .name(&parameter)
        .description("The public keys of Thali's access tokens.")
        .r#type(ParameterType::String)
        .value(keys["jwks"].to_string())
        .overwrite(true)
        .send()
        .await?;
    println!("wrote the parameter {parameter}");
    Ok(())
}

/// New keys. The public set is kept beside the private key, so that the parameter can be
/// written again from the secret alone.
fn fresh_keys() -> serde_json::Value {
    let kid = Clock::System.ulid().to_string();
    let (signing_key, public) = generate_key(&kid);
    json!({
        "jwt_signing_key": signing_key.expose_secret(),
        "jwks": { "keys": [public] },
        "refresh_key": random_hex::<32>(),
        "otp_key": random_hex::<32>(),
        "pin_key": random_hex::<32>(),
    })
}
