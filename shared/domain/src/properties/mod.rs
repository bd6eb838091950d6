//! Property tests: what holds for all inputs, or however a story goes. Unit tests are in the
//! files of what they test; the properties of cuts and of scans are beside those, because they
//! need the same mess, and the same student, as the unit tests.
//!
//! | file | what it is about |
//! |---|---|
//! | `ids` | every identifier survives being printed and read |
//! | `one_time_codes` | one-time codes follow RFC 4226 and cannot be guessed from one another |
//! | `pictures` | the keys of pictures survive being printed and read |
//! | `qr` | only a QR code that was signed is accepted |
//! | `stock` | the stock of an item over its shards, with owners and orders at once |
//! | `tokens` | tokens, refunds and orders, with many clients at once |

mod ids;
mod one_time_codes;
mod pictures;
mod qr;
mod stock;
mod tokens;
