//! Property tests: rules that hold for all inputs, or for every sequence of events. Unit tests
//! are in the files that they test. The property tests of cuts and of scans at the counter are
//! there too, because they need the same mess and the same student as the unit tests.
//!
//! | file | its subject |
//! |---|---|
//! | `ids` | every identifier survives printing and parsing |
//! | `one_time_codes` | one-time codes follow RFC 4226 and cannot be guessed from one another |
//! | `past` | an offline scan is judged by the facts of its time |
//! | `pictures` | the storage keys of pictures survive printing and parsing |
//! | `qr` | only a signed QR code is accepted |
//! | `roster` | an offline device says what the server would say |
//! | `stock` | an item's stock over its shards, with concurrent owners and orders |
//! | `texts` | texts have one spelling, however they were typed |
//! | `tokens` | tokens, refunds and orders, with many concurrent clients |

mod ids;
mod one_time_codes;
mod past;
mod pictures;
mod qr;
mod roster;
mod spreadsheet;
mod stock;
mod texts;
mod tokens;
