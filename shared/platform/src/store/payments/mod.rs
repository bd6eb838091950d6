//! Purchases of tokens and refunds.
//!
//! | file | what it stores |
//! |---|---|
//! | `purchases` | purchases, from the partner's order to the last token |
//! | `refunds` | refunds, and the conditions by which tokens are unchanged |
//! | `waiting` | what the jobs look for: purchases and refunds that wait, tokens that expire |

pub(super) mod purchases;
pub(super) mod refunds;
pub(super) mod waiting;
