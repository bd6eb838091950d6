//! `thali items`: the menu of a mess, from a file.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use thali_ctl::files::read_file;
use thali_ctl::menu_file::{self, Row};
use thali_domain::ids::MessId;
use thali_domain::orders::menu::{Item, ItemName, Sku};
use thali_files::csv_file::Sheet;
use thali_platform::store::{Attempt, Stamp, StoreError, retry_overtaken};

use crate::progress::progress_bar;
use crate::{Failure, Operator};

#[derive(Subcommand)]
pub enum Command {
    /// Makes a menu what a CSV file says. Items that the file does not name are left alone.
    Import(Import),
}

const COLUMNS_HELP: &str = "The file; its first line names the columns sku, name, price_tokens \
                            and, if you like, stock (a recount), available, stock_shards";

#[derive(Args)]
pub struct Import {
    /// The file.
    #[arg(help = COLUMNS_HELP)]
    file: PathBuf,
    /// The mess.
    #[arg(long, value_parser = MessId::parse)]
    mess: MessId,
    /// Say what would be new or changed, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave items alone that are on the menu already.
    #[arg(long)]
    only_new: bool,
}

/// What becomes of an item of the file.
enum Fate {
    New,
    Changed,
    Unchanged,
    LeftAlone,
}

/// How many items of the file were, or would be, what.
#[derive(Default)]
struct Tally {
    new: usize,
    changed: usize,
    unchanged: usize,
    left_alone: usize,
}

/// Where an import ended too early.
#[derive(Debug, thiserror::Error)]
#[error(
    "stopped at line {line} ({sku}); {written} items were written before it, and running this \
     again goes on from there"
)]
struct Stopped {
    line: u64,
    sku: Sku,
    written: usize,
    source: StoreError,
}

pub async fn run(operator: &Operator, command: Command) -> Result<(), Failure> {
    let Command::Import(import) = command;
    let Sheet { rows, how } = read_file(&import.file, menu_file::read)?;
    operator.require_mess(&import.mess).await?;
    let menu = menu(operator, &import.mess).await?;
    println!("{} was {how}", import.file.display());
    let tally = if import.dry_run {
        preview(&import, &rows, &menu)
    } else {
        write(operator, &import, &rows, menu).await?
    };
    let dry_run = if import.dry_run { "dry run, nothing was written: " } else { "" };
    println!("{dry_run}{}", tally.summary(import.only_new));
    Ok(())
}

/// The menu as it is.
async fn menu(operator: &Operator, mess: &MessId) -> Result<HashMap<Sku, Item>, StoreError> {
    const PAGE: usize = 100;
    let mut menu = HashMap::new();
    let mut after: Option<Sku> = None;
    loop {
        let page = operator.store.items_page(mess, after.as_ref(), PAGE).await?;
        let complete = page.len() < PAGE;
        after = page.last().map(|item| item.sku.clone());
        menu.extend(page.into_iter().map(|item| (item.sku.clone(), item)));
        if complete {
            return Ok(menu);
        }
    }
}

/// Says what would become of each row.
fn preview(import: &Import, rows: &[Row], menu: &HashMap<Sku, Item>) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        let there = menu.get(&row.sku);
        let fate = fate(import, row, there);
        let line = format!("{:<10} {} {}", fate.word(), row.sku, difference(row, there, &fate));
        println!("{}", line.trim_end());
        tally.count(&fate);
    }
    tally
}

/// Writes what is new or changed. The menu as it was read spares a read for each row;
/// where it is behind, the item is read again.
async fn write(
    operator: &Operator,
    import: &Import,
    rows: &[Row],
    mut menu: HashMap<Sku, Item>,
) -> Result<Tally, Failure> {
    let bar = progress_bar(rows.len(), "items");
    let (stamp, mut tally) = (operator.stamp(), Tally::default());
    for row in rows {
        let there = menu.remove(&row.sku);
        let fate = put(operator, import, row, there, &stamp).await.map_err(|source| Stopped {
            line: row.line,
            sku: row.sku.clone(),
            written: tally.new + tally.changed,
            source,
        });
        tally.count(&fate.inspect_err(|_| bar.abandon())?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(tally)
}

async fn put(
    operator: &Operator,
    import: &Import,
    row: &Row,
    there: Option<Item>,
    stamp: &Stamp,
) -> Result<Fate, StoreError> {
    let (store, mess, there) = (&operator.store, &import.mess, there.as_ref());
    retry_overtaken(|attempt| async move {
        let now_there;
        let there = if attempt == 1 {
            there
        } else {
            now_there = store.item_get(mess, &row.sku).await?;
            now_there.as_ref()
        };
        let fate = fate(import, row, there);
        if matches!(fate, Fate::Unchanged | Fate::LeftAlone) {
            return Ok(Attempt::Done(fate));
        }
        let put = store.item_put(mess, &row.sku, there, &row.put, stamp).await?;
        Ok(Attempt::of(put).map(|_| fate))
    })
    .await
}

fn fate(import: &Import, row: &Row, there: Option<&Item>) -> Fate {
    match there {
        None => Fate::New,
        Some(_) if import.only_new => Fate::LeftAlone,
        Some(item) if row.put.is_met_by(item) => Fate::Unchanged,
        Some(_) => Fate::Changed,
    }
}

impl Fate {
    const fn word(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::LeftAlone => "left alone",
        }
    }
}

impl Tally {
    const fn count(&mut self, fate: &Fate) {
        let counted = match fate {
            Fate::New => &mut self.new,
            Fate::Changed => &mut self.changed,
            Fate::Unchanged => &mut self.unchanged,
            Fate::LeftAlone => &mut self.left_alone,
        };
        *counted += 1;
    }

    fn summary(&self, only_new: bool) -> String {
        let Self { new, changed, unchanged, left_alone } = self;
        let left_alone =
            if only_new { format!(", left alone {left_alone}") } else { String::new() };
        format!("new {new}, changed {changed}, unchanged {unchanged}{left_alone}")
    }
}

/// A name, in which there may be commas, among other facts.
fn quoted(name: &ItemName) -> String {
    format!("“{name}”")
}

/// What a row makes of an item, in words: from what to what.
fn difference(row: &Row, there: Option<&Item>, fate: &Fate) -> String {
    let put = &row.put;
    let shown = |value: Option<String>| value.unwrap_or_default();
    let facts = [
        ("name", there.map(|item| quoted(&item.name)), Some(quoted(&put.name))),
        ("price_tokens", there.map(|item| item.price.to_string()), Some(put.price.to_string())),
        ("stock", there.map(|item| item.stock().to_string()), put.stock.map(|it| it.to_string())),
        (
            "available",
            there.map(|item| item.available.to_string()),
            put.available.map(|it| it.to_string()),
        ),
        (
            "stock_shards",
            there.map(|item| item.stock_shards().to_string()),
            put.stock_shards.map(|it| it.to_string()),
        ),
    ];
    let told = facts.into_iter().filter_map(|(what, from, to)| match fate {
        Fate::New => Some(format!("{what} {}", to?)),
        Fate::Changed if to.is_some() && from != to => {
            Some(format!("{what} {} → {}", shown(from), shown(to)))
        }
        _ => None,
    });
    told.collect::<Vec<_>>().join(", ")
}
