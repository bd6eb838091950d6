//! How far something is that takes a while.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for so many `things` on the standard error, where that is a terminal.
pub fn progress_bar(count: usize, things: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{pos}} of {{len}} {things}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
    let length = u64::try_from(count).ok();
    ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr()).with_style(style)
}
