//! `thali pictures`: the uploaded pictures of a deployment.

use clap::{Args, Subcommand};
use thali_ctl::picture_sweep::{Tally, keys, sweep};
use thali_platform::blobs::{Blobs, s3_client};

use crate::progress::progress_bar;
use crate::{Failure, aws};

#[derive(Subcommand)]
pub enum Command {
    /// Removes the place, the camera and other metadata from every picture that has any.
    Clean(Clean),
}

#[derive(Args)]
pub struct Clean {
    /// The bucket, if it is not the stack's.
    #[arg(long)]
    bucket: Option<String>,
    /// Begin with this key, at which a run before has stopped.
    #[arg(long)]
    from: Option<String>,
    /// Say how many pictures would be cleaned, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(stack: &str, command: Command) -> Result<(), Failure> {
    let Command::Clean(Clean { bucket, from, dry_run }) = command;
    let aws = aws::config().await;
    let bucket = match bucket {
        Some(bucket) => bucket,
        None => format!("{stack}-blobs-{}", aws::account_id(&aws).await?),
    };
    let blobs = Blobs::S3 { client: s3_client(&aws), bucket };
    let keys = keys(&blobs, from.as_deref()).await?;
    let bar = progress_bar(keys.len(), "pictures");
    let swept = sweep(&blobs, &keys, dry_run, || bar.inc(1)).await;
    let Tally { cleaned, clean, no_pictures } = swept.inspect_err(|_| bar.abandon())?;
    bar.finish_and_clear();
    let dry_run = if dry_run { "dry run, nothing was written: " } else { "" };
    println!("{dry_run}cleaned {cleaned}, clean already {clean}, no pictures {no_pictures}");
    Ok(())
}
