//! An order as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{AccountId, OrderId};
use thali_domain::orders::order::{FailureReason, Order, OrderLine, OrderStatus};
use utoipa::ToSchema;

/// What orders are paid with.
const CURRENCY: &str = "token";

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    order_id: OrderId,
    user_id: AccountId,
    items: Vec<LineView>,
    total_amount: u16,
    #[schema(pattern = "^token$")]
    currency: &'static str,
    status: OrderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<FailureReason>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct LineView {
    sku: thali_domain::orders::menu::Sku,
    name: thali_domain::orders::menu::ItemName,
    quantity: u16,
    price_tokens: u16,
}

impl From<OrderLine> for LineView {
    fn from(line: OrderLine) -> Self {
        let OrderLine { sku, name, quantity, price_tokens } = line;
        Self { sku, name, quantity, price_tokens: price_tokens.get() }
    }
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.order_id,
            user_id: order.account_id,
            items: order.lines.into_iter().map(Into::into).collect(),
            total_amount: order.total,
            currency: CURRENCY,
            status: order.status,
            failure_reason: order.failure,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}
