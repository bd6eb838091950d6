//! The menu, its stock, and orders.
//!
//! | file | what it stores |
//! |---|---|
//! | `menu` | items, and portions that orders take and give back |
//! | `stock` | what owners write: items and their stock |
//! | `order` | orders |

pub(super) mod menu;
pub(super) mod order;
pub(super) mod stock;
