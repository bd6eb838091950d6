//! `thali mess`: messes.

use clap::{Args, Subcommand, ValueEnum};
use thali_domain::accounts::identity::Name;
use thali_domain::ids::MessId;
use thali_domain::mess::{Approval, Mess, ZoneName};
use thali_domain::phone::Region;

use crate::{Failure, Operator};

#[derive(Subcommand)]
pub enum Command {
    /// Creates a mess with the usual settings, which its owner can change.
    Create(Create),
}

#[derive(Args)]
pub struct Create {
    /// Its id, `mess_` and letters, digits, - or _; drawn if absent.
    #[arg(long, value_parser = MessId::parse)]
    id: Option<MessId>,
    /// Its name.
    #[arg(long, value_parser = Name::parse)]
    name: Name,
    /// Its time zone.
    #[arg(long, default_value = "Asia/Kolkata", value_parser = ZoneName::parse)]
    time_zone: ZoneName,
    /// The country whose telephone numbers may be typed without a calling code.
    #[arg(long, default_value = "IN", value_parser = Region::parse)]
    region: Region,
    /// Whether an owner approves each student.
    #[arg(long, default_value = "required")]
    approval: ApprovalArg,
    /// Succeed where the mess is there already.
    #[arg(long)]
    if_missing: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ApprovalArg {
    Required,
    Automatic,
}

pub async fn run(operator: &Operator, command: Command) -> Result<(), Failure> {
    let Command::Create(create) = command;
    let id = create.id.unwrap_or_else(|| MessId::from_ulid(operator.clock.ulid()));
    let mess = Mess {
        approval: match create.approval {
            ApprovalArg::Required => Approval::Required,
            ApprovalArg::Automatic => Approval::Automatic,
        },
        region: create.region,
        ..Mess::with_defaults(id.clone(), create.name, create.time_zone)
    };
    if operator.store.mess_create(&mess, &operator.stamp()).await? {
        println!("{id}");
        Ok(())
    } else if create.if_missing {
        println!("{id} (it was there)");
        Ok(())
    } else {
        Err(format!("there is a mess {id} already").into())
    }
}
