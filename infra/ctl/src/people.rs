//! `thali owner` and `thali invite`: the people who run a mess.

use std::io::IsTerminal;

use clap::{Args, Subcommand, ValueEnum};
use thali_domain::accounts::identity::{Email, Name, Role};
use thali_domain::ids::{AccountId, MessId};
use thali_platform::auth::password::{NewPassword, check_not_email};
use thali_platform::store::{self, Account, AccountCreateError};

use crate::{Failure, Operator};

#[derive(Subcommand)]
pub enum OwnerCommand {
    /// Creates an owner's account, active at once.
    Create(CreateOwner),
}

#[derive(Args)]
pub struct CreateOwner {
    /// The mess.
    #[arg(long, value_parser = MessId::parse)]
    mess: MessId,
    /// The e-mail address to log in with.
    #[arg(long, value_parser = Email::parse)]
    email: Email,
    /// The person's name; the address's first part if absent.
    #[arg(long, value_parser = Name::parse)]
    name: Option<Name>,
    /// The password. Better left out: it is then asked for.
    #[arg(long, env = "THALI_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Succeed where there is an account with the address already.
    #[arg(long)]
    if_missing: bool,
}

#[derive(Args)]
pub struct Invite {
    /// The mess.
    #[arg(long, value_parser = MessId::parse)]
    mess: MessId,
    /// As what the person may sign up.
    #[arg(long)]
    role: InvitedRole,
}

#[derive(Clone, Copy, ValueEnum)]
enum InvitedRole {
    Staff,
    Owner,
}

pub async fn create_owner(operator: &Operator, command: OwnerCommand) -> Result<(), Failure> {
    let OwnerCommand::Create(create) = command;
    operator.require_mess(&create.mess).await?;
    let password = match create.password {
        Some(password) => password,
        None => ask_for_password()?,
    };
    check_not_email(&password, &create.email).map_err(|why| format!("the password {why}"))?;
    let password = NewPassword::try_from(password).map_err(|why| format!("the password {why}"))?;
    let name = create.name.map_or_else(|| Name::parse(create.email.local_part()), Ok)?;
    let id = AccountId::from_ulid(operator.clock.ulid());
    let hash = password.hash();
    let account = Account::new(id, create.mess, Role::Owner, name, hash, operator.clock.now());
    let account = Account { email: Some(create.email), ..account };
    match operator.store.account_create(&account, &operator.stamp()).await {
        Ok(()) => println!("{}", account.account_id),
        Err(AccountCreateError::EmailTaken) if create.if_missing => println!("(it was there)"),
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(())
}

pub async fn invite(operator: &Operator, invite: Invite) -> Result<(), Failure> {
    operator.require_mess(&invite.mess).await?;
    let role = match invite.role {
        InvitedRole::Staff => Role::Staff,
        InvitedRole::Owner => Role::Owner,
    };
    let code = store::Invite::draw_code();
    let record = store::Invite::new(invite.mess, role, operator.clock.now());
    operator.store.invite_create(&code, &record, &operator.stamp()).await?;
    println!("{code}");
    Ok(())
}

/// Reads a password from the terminal, or the first line of a pipe.
fn ask_for_password() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password("Password: ")?);
    }
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}
