//! Files of comma-separated values on the operator's machine.

use std::fmt::Write;
use std::path::Path;

use thali_files::csv_file::{Fault, HowRead, Refused, Sheet};

use crate::Failure;

/// The largest file that is read: far more than any menu or list of students.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// All that is wrong with a file of which nothing was written.
#[must_use]
pub fn refusal(file: &Path, faults: &[Fault], how: Option<&HowRead>) -> Failure {
    let errors = if faults.len() == 1 { "1 error" } else { &format!("{} errors", faults.len()) };
    let mut failure = format!("{} has {errors}, nothing was written", file.display());
    for fault in faults {
        let _ = write!(failure, "\n  {fault}");
    }
    if let Some(how) = how {
        let _ = write!(failure, "\nIt was {how}");
    }
    failure.into()
}

/// The rows of a file as `read` reads them; a failure that tells all that is wrong with it.
pub fn read_file<T>(
    file: &Path,
    read: impl FnOnce(&[u8]) -> Result<Sheet<T>, Refused>,
) -> Result<Sheet<T>, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {} MiB", FILE_BYTES_MAX >> 20).into());
    }
    read(&bytes).map_err(|Refused { faults, how }| refusal(file, &faults, how.as_ref()))
}
