//! The kinds of items. A new kind needs a line in the table below and an implementation of
//! [`Stored`] next to its struct. The consumers of the change streams then do not compile until
//! they say what follows from a change of the new kind.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::Item;
use thali_domain::meals::cycles::Cycle;
use thali_domain::mess::Mess;
use thali_domain::orders::order::Order;
use thali_domain::owner::notifications::Notification;
use thali_domain::payments::refunds::Refund;
use thali_domain::staff::plates::Plate;
use thali_domain::tokens::redeeming::Submission;

use super::Images;
use super::trail::Trail;
use crate::store::accounts::account::Guard;
use crate::store::accounts::lockouts::LoginFailures;
use crate::store::accounts::registrations::NewestRegistration;
use crate::store::idempotency::IdempotencyRecord;
use crate::store::meals::cycles::StoredCycle;
use crate::store::orders::menu::{MenuItemRecord, ShardItem};
use crate::store::orders::order::StoredOrder;
use crate::store::owner::notifications::NotificationItem;
use crate::store::payments::purchases::PurchaseItem;
use crate::store::payments::refunds::RefundItem;
use crate::store::staff::plates::{Frame, Stray};
use crate::store::tokens::submissions::SubmissionItem;
use crate::store::{
    Account, Attributes, ClosureRecord, CutRecord, EmailChange, Invite, LookupRecord, Member,
    PasswordReset, PurchaseRecord, SessionRecord, StaffTokenRecord, StockRecord, StoreError,
    StoredRegistration,
};

pub(in crate::store) trait Stored: Serialize + DeserializeOwned {
    /// The type that the rest of the code works with.
    type Read: From<Self>;

    /// The value of the attribute `kind`.
    const KIND: Kind;

    /// The attributes that the audit trail shows.
    const TRAIL: Trail;

    fn read(attributes: Attributes) -> Result<Self::Read, StoreError> {
        let item: Self = serde_dynamo::from_item(attributes)?;
        Ok(item.into())
    }
}

macro_rules! kinds {
    ($($kind:ident = $name:literal, $item:ty => $read:ty;)*) => {
        /// The kind of an item. Items of the audit table have no kind, because that table has no
        /// stream.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($kind),* }

        /// An item before and after a change, by kind.
        pub enum Changed { $($kind(Images<$read>)),* }

        impl Kind {
            /// The kind with this stored name, if there is one.
            pub(super) fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// The stored value of `kind`. It is not derived from the variant's name, so renaming
            /// a variant keeps stored items readable.
            pub(in crate::store) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            pub(super) const fn trail(self) -> &'static Trail {
                match self { $(Self::$kind => &<$item>::TRAIL),* }
            }
        }

        impl Changed {
            pub(super) fn read(
                kind: Kind,
                before: Option<&Item>,
                after: Option<&Item>,
            ) -> Result<Self, StoreError> {
                Ok(match kind {
                    $(Kind::$kind => {
                        const { assert!(matches!(<$item>::KIND, Kind::$kind)) }
                        Self::$kind(Images::read::<$item>(before, after)?)
                    })*
                })
            }
        }

        #[cfg(test)]
        impl Kind {
            pub(super) const ALL: &[Self] = &[$(Self::$kind),*];

            /// Deserializes an item and serializes it again.
            pub(super) fn written_again(self, item: Item) -> Result<Item, serde_dynamo::Error> {
                match self {
                    $(Self::$kind => {
                        serde_dynamo::to_item(serde_dynamo::from_item::<_, $item>(item)?)
                    })*
                }
            }
        }
    };
}

// Each line has the kind, its stored name, its stored type, and the type that the rest of the code
// uses.
kinds! {
    Account = "account", Account => Account;
    Guard = "guard", Guard => Guard;
    Session = "session", SessionRecord => SessionRecord;
    Registration = "registration", StoredRegistration => StoredRegistration;
    NewestRegistration = "newest_registration", NewestRegistration => NewestRegistration;
    Invite = "invite", Invite => Invite;
    PasswordReset = "password_reset", PasswordReset => PasswordReset;
    EmailChange = "email_change", EmailChange => EmailChange;
    LoginFailures = "login_failures", LoginFailures => LoginFailures;
    StaffToken = "staff_token", StaffTokenRecord => StaffTokenRecord;
    Mess = "mess", Mess => Mess;
    Member = "member", Member => Member;
    Cycle = "cycle", StoredCycle => Cycle;
    Cut = "cut", CutRecord => CutRecord;
    Closure = "closure", ClosureRecord => ClosureRecord;
    Plate = "plate", Frame => Plate;
    Stray = "stray", Stray => Plate;
    Lookup = "lookup", LookupRecord => LookupRecord;
    Notification = "notification", NotificationItem => Notification;
    MenuItem = "item", MenuItemRecord => StockRecord;
    Stock = "stock", ShardItem => StockRecord;
    Order = "order", StoredOrder => Order;
    Purchase = "purchase", PurchaseItem => PurchaseRecord;
    Submission = "submission", SubmissionItem => Submission;
    Refund = "refund", RefundItem => Refund;
    Idempotency = "idempotency", IdempotencyRecord => IdempotencyRecord;
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
