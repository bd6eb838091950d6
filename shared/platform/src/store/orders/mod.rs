//! The menu, its stock, and orders.
//!
//! | file | what it stores |
//! |---|---|
//! | `menu` | items, and the portions that orders take and put back |
//! | `stock` | owners' changes of items and stock |
//! | `order` | orders |
//! | `ready` | the orders that wait to be handed over |

pub(super) mod menu;
pub(super) mod order;
pub(super) mod ready;
pub(super) mod stock;
