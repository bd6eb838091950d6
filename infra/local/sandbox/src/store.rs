//! What the sandbox remembers, in memory and, if asked for, in one JSON file.
//!
//! The file is written whole after each change, beside itself and then renamed, so that
//! a reader or a restart finds either the old state or the new one. What is kept is
//! bounded, see [`crate::razorpay`], so the file stays at a few megabytes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::razorpay;

/// The state of all partners.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct State {
    #[serde(default)]
    pub(crate) razorpay: razorpay::State,
}

/// The state behind its lock, and the file that follows it.
pub(crate) struct Store {
    state: Mutex<State>,
    file: Option<PathBuf>,
}

impl Store {
    /// Reads the file if there is one.
    ///
    /// # Errors
    /// The file exists and cannot be read as a state: the sandbox then does not start,
    /// rather than forget orders that the product still knows.
    pub(crate) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let state = match &file {
            Some(path) if path.exists() => read(path)?,
            _ => State::default(),
        };
        Ok(Self { state: Mutex::new(state), file })
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state and writes the file before anyone can see the change. `change`
    /// must leave the state alone where it returns an error.
    ///
    /// The file is written under the lock, on the caller's thread: one writer at a time
    /// is the point, and a local file takes milliseconds.
    ///
    /// # Errors
    /// What `change` returned, or the file could not be written.
    pub(crate) fn change<T, E: From<io::Error>>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        let changed = change(&mut state)?;
        if let Some(path) = &self.file {
            write(path, &state)?;
        }
        Ok(changed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A handler that panicked half-way is a bug that its own request showed; the
        // sandbox goes on for the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<State> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("{}: not a sandbox state: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

fn write(path: &Path, state: &State) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);

    let mut file = BufWriter::new(File::create(&beside)?);
    serde_json::to_writer(&mut file, state)?;
    file.flush()?;
    fs::rename(&beside, path)
}
