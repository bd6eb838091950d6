//! Purchases of tokens and refunds.
//!
//! | file | what it stores |
//! |---|---|
//! | `purchases` | purchases, from the Razorpay order to the last token |
//! | `refunds` | refunds, and the conditions that a purchase's tokens are unchanged |
//! | `waiting` | purchases and refunds that a job must process: unpaid, unfinished, or soon to
//! expire |

pub(super) mod purchases;
pub(super) mod refunds;
pub(super) mod waiting;
