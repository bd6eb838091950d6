//! `thali students`: the students of a mess, from a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use thali_ctl::files::{read_file, refusal};
use thali_ctl::name_index;
use thali_ctl::roster::{ImportError, Roster, Tally};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::MessId;
use thali_files::csv_file::Sheet;
use thali_files::enrolment::Fate;
use thali_files::student_file::{self, Row};

use crate::progress::progress_bar;
use crate::{Failure, Operator};

#[derive(Subcommand)]
pub enum Command {
    /// Makes the students whom a CSV file names. Whom there is already is left alone.
    Import(Import),
    /// Adds the students of before searches to the index of names. It can be run again.
    Index(Index),
}

#[derive(Args)]
pub struct Index {
    /// The mess.
    #[arg(long, env = "MESS_ID", value_parser = MessId::parse)]
    mess: MessId,
}

const COLUMNS_HELP: &str = "The file; its first line names the columns name, roll_no, room_no, \
                            phone and, if you like, email";

#[derive(Args)]
pub struct Import {
    /// The file.
    #[arg(help = COLUMNS_HELP)]
    file: PathBuf,
    /// The mess.
    #[arg(long, env = "MESS_ID", value_parser = MessId::parse)]
    mess: MessId,
    /// Say who would be new, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Let those in who are new; without it they wait for the owner's approval. Who is there
    /// already and waits goes on waiting.
    #[arg(long)]
    approve: bool,
}

pub async fn run(operator: &Operator, command: Command) -> Result<(), Failure> {
    let import = match command {
        Command::Import(import) => import,
        Command::Index(Index { mess }) => return fill_index(operator, &mess).await,
    };
    let region = operator.require_mess(&import.mess).await?.region;
    let read = |bytes: &[u8]| student_file::read(bytes, region);
    let Sheet { rows, how } = read_file(&import.file, read)?;
    let status =
        if import.approve { AccountStatus::Active } else { AccountStatus::PendingApproval };
    let roster = Roster {
        store: &operator.store,
        clock: &operator.clock,
        mess: &import.mess,
        status,
        stamp: operator.stamp(),
    };
    let fates = roster.look(&rows).await.map_err(|error| match error {
        ImportError::Faults(faults) => refusal(&import.file, &faults, Some(&how)),
        error => error.into(),
    })?;
    println!("{} was {how}", import.file.display());
    let (dry_run, Tally { new, unchanged }) = if import.dry_run {
        preview(&rows, &fates);
        ("dry run, nothing was written: ", Tally::of(&fates))
    } else {
        ("", write(&roster, &rows, fates).await?)
    };
    println!("{dry_run}new {new}, unchanged {unchanged}");
    Ok(())
}

async fn fill_index(operator: &Operator, mess: &MessId) -> Result<(), Failure> {
    operator.require_mess(mess).await?;
    let tally = name_index::index(&operator.store, mess, &operator.stamp()).await?;
    let name_index::Tally { added, unchanged } = tally;
    println!("added {added}, unchanged {unchanged}");
    Ok(())
}

/// Says what would become of each row.
fn preview(rows: &[Row], fates: &[Fate]) {
    for (row, fate) in rows.iter().zip(fates) {
        println!("{:<10} {} {}", fate.word(), row.roll_no, row.name);
    }
}

async fn write(roster: &Roster<'_>, rows: &[Row], fates: Vec<Fate>) -> Result<Tally, ImportError> {
    let bar = progress_bar(rows.len(), "students");
    let written = roster.write(rows, fates, || bar.inc(1)).await;
    match &written {
        Ok(_) => bar.finish_and_clear(),
        Err(_) => bar.abandon(),
    }
    written
}
