//! Purchases of tokens and refunds.
//!
//! | file | what it stores |
//! |---|---|
//! | `purchases` | purchases, from the Razorpay order to the last token |
//! | `mismatches` | payments that were taken and pay for nothing |
//! | `refunds` | refunds, and the conditions that a purchase's tokens are unchanged |
//! | `waiting` | what jobs process: unpaid purchases, pending refunds, expiring tokens |

pub(super) mod mismatches;
pub(super) mod purchases;
pub(super) mod refunds;
pub(super) mod waiting;
