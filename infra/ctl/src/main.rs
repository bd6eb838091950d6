//! `thali`: the operator's command. It works on a deployment's tables, secrets and
//! parameters with the operator's own AWS credentials, taken from the usual environment
//! (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL` and so on).

mod aws;
mod items;
mod keys;
mod mess;
mod people;
mod pictures;
mod progress;
mod students;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use thali_ctl::Failure;
use thali_domain::ids::MessId;
use thali_domain::mess::Mess;
use thali_platform::clock::Clock;
use thali_platform::config::TableNames;
use thali_platform::store::{Stamp, Store, dynamodb_client};

/// Runs messes: creates them, their owners, invites, menus and students, and the deployment's keys.
#[derive(Parser)]
#[command(name = "thali", version, arg_required_else_help = true)]
struct Cli {
    /// The name of the deployed stack, with which its tables' names begin.
    #[arg(long, env = "STACK_NAME", default_value = "thali", global = true)]
    stack: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The keys that sign and derive; needed before the first deploy.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Messes.
    #[command(subcommand)]
    Mess(mess::Command),
    /// Owners, who are made here and not by signing up.
    #[command(subcommand)]
    Owner(people::OwnerCommand),
    /// Menus.
    #[command(subcommand)]
    Items(items::Command),
    /// Students.
    #[command(subcommand)]
    Students(students::Command),
    /// Uploaded pictures.
    #[command(subcommand)]
    Pictures(pictures::Command),
    /// Prints a code with which one person can sign up as staff or owner within 72 hours.
    Invite(people::Invite),
}

/// What every command on the tables needs.
struct Operator {
    store: Store,
    clock: Clock,
}

impl Operator {
    async fn of_stack(stack: &str) -> Self {
        let client = dynamodb_client(&aws::config().await);
        Self { store: Store::new(client, TableNames::of_stack(stack)), clock: Clock::System }
    }

    fn stamp(&self) -> Stamp {
        let request_id = format!("thali-{}", self.clock.ulid());
        Stamp { actor: "operator".to_owned(), request_id, at: self.clock.now() }
    }

    /// Fails where there is no such mess.
    async fn require_mess(&self, mess: &MessId) -> Result<Mess, Failure> {
        let found = self.store.mess_get(mess).await?;
        found.ok_or_else(|| format!("there is no mess {mess}").into())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("thali: {}", thali_platform::telemetry::chain(&*failure));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Keys(command) => keys::run(&cli.stack, command).await,
        Command::Mess(command) => mess::run(&Operator::of_stack(&cli.stack).await, command).await,
        Command::Owner(command) => {
            people::create_owner(&Operator::of_stack(&cli.stack).await, command).await
        }
        Command::Items(command) => items::run(&Operator::of_stack(&cli.stack).await, command).await,
        Command::Students(command) => {
            students::run(&Operator::of_stack(&cli.stack).await, command).await
        }
        Command::Pictures(command) => pictures::run(&cli.stack, command).await,
        Command::Invite(command) => {
            people::invite(&Operator::of_stack(&cli.stack).await, command).await
        }
    }
}
