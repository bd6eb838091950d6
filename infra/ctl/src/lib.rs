//! What the operator's command `thali` does that is more than a call of the store: files
//! that are read as a whole, and what is made of them. The commands themselves, with their
//! arguments and what they print, are the binary's.

pub mod files;
pub mod menu_file;
pub mod name_index;
pub mod picture_sweep;
pub mod roster;

/// What a command failed of, for the operator.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
