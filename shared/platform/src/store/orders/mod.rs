//! The menu, its stock, and orders.
//!
//! | file | what it stores |
//! |---|---|
//! | `menu` | items, and the portions that orders take and put back |
//! | `stock` | owners' changes of items and stock |
//! | `order` | orders |

pub(super) mod menu;
pub(super) mod order;
pub(super) mod stock;
