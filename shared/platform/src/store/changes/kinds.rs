//! The kinds of items. A new kind is a line in the table below and an implementation of
//! [`Stored`] beside its struct; the code that follows changes then does not compile until it
//! says what follows from one of the new kind.

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
use crate::store::idempotency::Remembered;
use crate::store::meals::cycles::StoredCycle;
use crate::store::orders::menu::{ItemItem, ShardItem};
use crate::store::orders::order::StoredOrder;
use crate::store::owner::notifications::NotificationItem;
use crate::store::payments::purchases::PurchaseItem;
use crate::store::payments::refunds::RefundItem;
use crate::store::staff::plates::{Frame, Stray};
use crate::store::tokens::submissions::SubmissionItem;
use crate::store::{
    Account, Attributes, ClosureRecord, CutRecord, Invite, Member, PasswordReset, PurchaseRecord,
    Registration, SessionRecord, StaffTokenRecord, StockRecord, StoreError,
};

/// An item as it is stored.
pub(in crate::store) trait Stored: Serialize + DeserializeOwned {
    /// What the rest of the code reads of it.
    type Read: From<Self>;

    /// What its attribute `kind` says.
    const KIND: Kind;

    /// What the audit trail shows of it.
    const TRAIL: Trail;

    /// Reads one.
    fn read(attributes: Attributes) -> Result<Self::Read, StoreError> {
        let item: Self = serde_dynamo::from_item(attributes)?;
        Ok(item.into())
    }
}

macro_rules! kinds {
    ($($kind:ident = $name:literal, $item:ty => $read:ty;)*) => {
        /// What an item is. The audit table is the one whose items have no kind: it has no
        /// stream.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($kind),* }

        /// An item before and after a change, by its kind.
        pub enum Changed { $($kind(Images<$read>)),* }

        impl Kind {
            /// The kind with this name, if there is one.
            pub(super) fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// What is stored as `kind`. It is not derived from the variant's name, so that
            /// renaming a variant leaves stored items readable.
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

            /// What is written of an item that is read.
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

// Each kind has its name as it is stored, its item, and what the rest of the code reads of it.
kinds! {
    Account = "account", Account => Account;
    Guard = "guard", Guard => Guard;
    Session = "session", SessionRecord => SessionRecord;
    Registration = "registration", Registration => Registration;
    NewestRegistration = "newest_registration", NewestRegistration => NewestRegistration;
    Invite = "invite", Invite => Invite;
    PasswordReset = "password_reset", PasswordReset => PasswordReset;
    LoginFailures = "login_failures", LoginFailures => LoginFailures;
    StaffToken = "staff_token", StaffTokenRecord => StaffTokenRecord;
    Mess = "mess", Mess => Mess;
    Member = "member", Member => Member;
    Cycle = "cycle", StoredCycle => Cycle;
    Cut = "cut", CutRecord => CutRecord;
    Closure = "closure", ClosureRecord => ClosureRecord;
    Plate = "plate", Frame => Plate;
    Stray = "stray", Stray => Plate;
    Notification = "notification", NotificationItem => Notification;
    MenuItem = "item", ItemItem => StockRecord;
    Stock = "stock", ShardItem => StockRecord;
    Order = "order", StoredOrder => Order;
    Purchase = "purchase", PurchaseItem => PurchaseRecord;
    Submission = "submission", SubmissionItem => Submission;
    Refund = "refund", RefundItem => Refund;
    Idempotency = "idempotency", Remembered => Remembered;
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
