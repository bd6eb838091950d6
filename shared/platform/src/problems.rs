//! Maps errors to HTTP problems. Every error of the rules, of the store or of a partner becomes
//! a problem here and nowhere else; only the log shows its cause. The table
//! [`crate::http::CODES`] lists all codes and statuses.

use http::StatusCode;
use thali_domain::accounts::deletion::DeletionRefusal;
use thali_domain::accounts::lockout::attempts_left;
use thali_domain::accounts::sessions::RefreshRefusal;
use thali_domain::meals::closures::ClosureRefusal;
use thali_domain::meals::cuts::CutRefusal;
use thali_domain::meals::cycles::{AlreadyDecided, CycleRefusal};
use thali_domain::orders::basket::Shortage;
use thali_domain::orders::limits::ORDER_TOKENS_MAX;
use thali_domain::orders::order::OrderRefusal;
use thali_domain::orders::stock::StockRefusal;
use thali_domain::owner::settings::WindowRefusal;
use thali_domain::payments::mismatches::AcceptRefusal;
use thali_domain::payments::refunds::RefundRefusal;
use thali_domain::payments::settlement::PaymentRefusal;
use thali_domain::staff::overrides::OverrideRefusal;
use thali_domain::staff::plates::UndoRefusal;
use thali_domain::students::membership::WrongStatus;
use thali_domain::tokens::redeeming::RedeemRefusal;

use crate::blobs::BlobError;
use crate::http::Problem;
use crate::razorpay::RazorpayError;
use crate::store::{AccountCreateError, ProfileUpdateError, StoreError, StudentDecideError};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(
                "database_unavailable",
                "The database does not answer; try again.",
            )
            .caused_by(error),
            StoreError::Contended => {
                Self::unavailable("busy", "Too much at once; try again.").caused_by(error)
            }
            StoreError::Refused(_) | StoreError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<AccountCreateError> for Problem {
    fn from(error: AccountCreateError) -> Self {
        let detail = format!("{}.", capitalised(&error));
        match error {
            AccountCreateError::RegistrationEnded => otp_expired(),
            AccountCreateError::EmailTaken => Self::conflict("email_taken", detail),
            AccountCreateError::UsernameTaken => Self::conflict("username_taken", detail),
            AccountCreateError::RollNoTaken => Self::conflict("roll_no_taken", detail),
            AccountCreateError::InviteUsed => invite_invalid(),
            AccountCreateError::Store(error) => error.into(),
        }
    }
}

impl From<StudentDecideError> for Problem {
    fn from(error: StudentDecideError) -> Self {
        let detail = format!("{}.", capitalised(&error));
        match error {
            StudentDecideError::Overtaken => StoreError::Contended.into(),
            StudentDecideError::EmailTaken => Self::conflict("email_taken", detail),
            StudentDecideError::RollNoTaken => Self::conflict("roll_no_taken", detail),
            StudentDecideError::Store(error) => error.into(),
        }
    }
}

impl From<ProfileUpdateError> for Problem {
    fn from(error: ProfileUpdateError) -> Self {
        match error {
            ProfileUpdateError::Gone => Self::unauthenticated(),
            ProfileUpdateError::RollNoTaken => AccountCreateError::RollNoTaken.into(),
            ProfileUpdateError::Overtaken => StoreError::Contended.into(),
            ProfileUpdateError::Store(error) => error.into(),
        }
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unavailable(_) => Self::unavailable(
                "storage_unavailable",
                "The storage of pictures does not answer; try again.",
            )
            .caused_by(error),
            // S3 refuses a request only because of our own mistake.
            BlobError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<AlreadyDecided> for Problem {
    fn from(refusal: AlreadyDecided) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        Self::conflict("already_decided", detail).with("payment_status", refusal.status)
    }
}

impl From<CycleRefusal> for Problem {
    fn from(refusal: CycleRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            CycleRefusal::Overlap { cycle_id, cycle } => Self::conflict("cycle_overlap", detail)
                .with("payment_id", cycle_id)
                .with("cycle_start", cycle.period.from)
                .with("cycle_end", cycle.period.to)
                .with("payment_status", cycle.state),
            CycleRefusal::TooMany => Self::conflict("cycle_limit", detail),
        }
    }
}

impl From<WrongStatus> for Problem {
    fn from(refusal: WrongStatus) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        Self::conflict("wrong_status", detail).with("account_status", refusal.status)
    }
}

impl From<CutRefusal> for Problem {
    fn from(refusal: CutRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            CutRefusal::TooFarAhead => Self::invalid_field("to", refusal),
            CutRefusal::CutoffPassed { cutoff } => {
                Self::conflict("cutoff_passed", detail).with("cutoff", cutoff)
            }
            CutRefusal::Overlap { cut_id, cut } => Self::conflict("cut_overlap", detail)
                .with("cut_id", cut_id)
                .with("from", cut.period.from)
                .with("to", cut.period.to)
                .with("meals", cut.meals),
            CutRefusal::TooMany => Self::conflict("too_many_cuts", detail),
        }
    }
}

impl From<ClosureRefusal> for Problem {
    fn from(refusal: ClosureRefusal) -> Self {
        match refusal {
            ClosureRefusal::Past | ClosureRefusal::TooFarAhead => {
                Self::invalid_field("to", refusal)
            }
            ClosureRefusal::TooMany => {
                Self::conflict("too_many_closures", format!("{}.", capitalised(&refusal)))
            }
        }
    }
}

impl From<OrderRefusal> for Problem {
    fn from(refusal: OrderRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            OrderRefusal::TooLarge { total } => Self::conflict("order_too_large", detail)
                .with("total", total)
                .with("total_max", ORDER_TOKENS_MAX),
            OrderRefusal::NotPending(status) => {
                Self::conflict("order_not_pending", detail).with("order_status", status)
            }
            OrderRefusal::NotProcessed(status) => {
                Self::conflict("order_not_processed", detail).with("order_status", status)
            }
            OrderRefusal::AlreadyCollected { at } => {
                Self::conflict("already_collected", detail).with("collected_at", at)
            }
        }
    }
}

impl From<StockRefusal> for Problem {
    fn from(refusal: StockRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        let (code, stock) = match refusal {
            StockRefusal::Negative { stock } => ("stock_negative", stock),
            StockRefusal::Limit { stock } => ("stock_limit", stock),
        };
        Self::conflict(code, detail).with("stock", stock)
    }
}

impl From<UndoRefusal> for Problem {
    fn from(refusal: UndoRefusal) -> Self {
        let code = match refusal {
            UndoRefusal::NotAdmitted => "not_admitted",
            UndoRefusal::Expired => "undo_expired",
        };
        Self::conflict(code, format!("{}.", capitalised(&refusal)))
    }
}

impl From<OverrideRefusal> for Problem {
    fn from(refusal: OverrideRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            OverrideRefusal::Forbidden | OverrideRefusal::NotRefused => {
                Self::conflict("override_not_allowed", detail)
            }
            OverrideRefusal::Never(reason) => {
                Self::conflict("override_not_allowed", detail).with("scan_reason", reason)
            }
            OverrideRefusal::Expired => Self::conflict("override_expired", detail),
        }
    }
}

impl From<WindowRefusal> for Problem {
    fn from(refusal: WindowRefusal) -> Self {
        let field = format!("meal_windows.{}", refusal.meal().as_str());
        Self::invalid_field(&field, refusal)
    }
}

impl From<RefreshRefusal> for Problem {
    fn from(refusal: RefreshRefusal) -> Self {
        let code = match refusal {
            RefreshRefusal::Expired => "refresh_expired",
            RefreshRefusal::Reused => "refresh_reused",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, format!("{}.", capitalised(&refusal)))
    }
}

impl From<PaymentRefusal> for Problem {
    fn from(refusal: PaymentRefusal) -> Self {
        let code = match refusal {
            PaymentRefusal::NotCaptured => "payment_not_captured",
            PaymentRefusal::AmountMismatch => "amount_mismatch",
            PaymentRefusal::PaidByAnother => "already_paid",
        };
        Self::conflict(code, format!("{}.", capitalised(&refusal)))
    }
}

impl From<RedeemRefusal> for Problem {
    fn from(refusal: RedeemRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            RedeemRefusal::TokensUnavailable(tokens) => {
                Self::conflict("tokens_unavailable", detail).with("token_ids", tokens)
            }
            RedeemRefusal::InsufficientTokens { available, requested } => {
                Self::conflict("insufficient_tokens", detail)
                    .with("available", available)
                    .with("requested", requested)
            }
        }
    }
}

impl From<AcceptRefusal> for Problem {
    fn from(refusal: AcceptRefusal) -> Self {
        let code = match refusal {
            AcceptRefusal::Underpaid => "underpaid",
            AcceptRefusal::Nothing => "nothing_to_accept",
        };
        Self::conflict(code, format!("{}.", capitalised(&refusal)))
    }
}

impl From<RefundRefusal> for Problem {
    fn from(refusal: RefundRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            RefundRefusal::NotRefundable => Self::conflict("not_refundable", detail),
            RefundRefusal::InProgress => Self::conflict("refund_in_progress", detail),
            RefundRefusal::InsufficientTokens { available, requested } => {
                Self::conflict("insufficient_tokens", detail)
                    .with("available", available)
                    .with("requested", requested)
            }
        }
    }
}

impl From<DeletionRefusal> for Problem {
    fn from(refusal: DeletionRefusal) -> Self {
        let detail = format!("{}.", capitalised(&refusal));
        match refusal {
            DeletionRefusal::OrderOpen { order_id } => {
                Self::conflict("order_open", detail).with("order_id", order_id)
            }
            DeletionRefusal::RefundInProgress { order_id } => {
                Self::conflict("refund_in_progress", detail).with("order_id", order_id)
            }
            DeletionRefusal::PaymentUndecided => Self::conflict("payment_undecided", detail),
        }
    }
}

impl From<RazorpayError> for Problem {
    fn from(error: RazorpayError) -> Self {
        let detail = "The payment partner does not answer; try again. Nothing is lost.";
        match error {
            RazorpayError::Unavailable(_) | RazorpayError::Failing(_) => {
                Self::unavailable("partner_unavailable", detail).caused_by(error)
            }
            RazorpayError::Refused(_) => Self::internal(error),
        }
    }
}

/// 409: the one-time code is wrong.
#[must_use]
pub fn otp_invalid(attempts_left: u32) -> Problem {
    let detail = "The code is wrong. Look for the newest mail, or ask for another code.";
    Problem::conflict("otp_invalid", detail).with("attempts_left", attempts_left)
}

/// 409: the one-time code cannot be used any more.
#[must_use]
pub fn otp_expired() -> Problem {
    let detail = "The code has expired, was used, or was tried too often. Ask for another one.";
    Problem::conflict("otp_expired", detail)
}

/// 409: the invite code is wrong, used or expired.
#[must_use]
pub fn invite_invalid() -> Problem {
    let detail = "The invite code is wrong, was used, or has expired.";
    Problem::conflict("invite_invalid", detail)
}

/// 404: the account has no such session, or no longer.
#[must_use]
pub fn session_not_found() -> Problem {
    Problem::not_found("session_not_found", "You have no such session, or it has ended.")
}

/// 403: the role needs an invite code.
#[must_use]
pub fn invite_required() -> Problem {
    let detail = "Owners and staff sign up with an invite code.";
    Problem::new(StatusCode::FORBIDDEN, "invite_required", detail)
}

/// 404: no endpoint has this path and method.
#[must_use]
pub fn route_not_found() -> Problem {
    Problem::not_found("not_found", "There is nothing at this path, or not for this method.")
}

/// 404: no such mess.
#[must_use]
pub fn mess_not_found() -> Problem {
    Problem::not_found("mess_not_found", "There is no such mess.")
}

/// 404: the mess has no such notification.
#[must_use]
pub fn notification_not_found() -> Problem {
    Problem::not_found("notification_not_found", "There is no such notification.")
}

/// 409: another account has the e-mail address.
#[must_use]
pub fn email_taken() -> Problem {
    AccountCreateError::EmailTaken.into()
}

/// 409: another account has the username.
#[must_use]
pub fn username_taken() -> Problem {
    AccountCreateError::UsernameTaken.into()
}

/// 401: no such account, or a wrong password; the response does not say which.
#[must_use]
pub fn invalid_credentials() -> Problem {
    let detail = "There is no account with this name and password.";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
}

/// 429: too many wrong passwords.
#[must_use]
pub fn locked(wait_s: u64) -> Problem {
    let detail = "Too many wrong passwords; wait a while.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "locked", detail).retry_after(wait_s)
}

/// 403: the security code is wrong.
#[must_use]
pub fn security_code_wrong(failures: u32) -> Problem {
    let detail = "The security code is wrong.";
    Problem::new(StatusCode::FORBIDDEN, "security_code_wrong", detail)
        .with("attempts_left", attempts_left(failures))
}

/// 403: the current password, sent with a change of the account, is wrong.
#[must_use]
pub fn current_password_wrong() -> Problem {
    let detail = "The current password is wrong.";
    Problem::new(StatusCode::FORBIDDEN, "current_password_wrong", detail)
}

/// 429: too many wrong security codes.
#[must_use]
pub fn security_code_locked(wait_s: u64) -> Problem {
    let detail = "Too many wrong security codes; wait a while.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "security_code_locked", detail).retry_after(wait_s)
}

/// 409: the same idempotency key came with another body.
#[must_use]
pub fn idempotency_key_reused() -> Problem {
    let detail = "This Idempotency-Key was used for another request.";
    Problem::conflict("idempotency_key_reused", detail)
}

/// 409: the checkout's signature is not Razorpay's.
#[must_use]
pub fn signature_mismatch() -> Problem {
    let detail = "The signature is not Razorpay's for this order and payment.";
    Problem::conflict("signature_mismatch", detail)
}

/// 401: the webhook's signature is not Razorpay's.
#[must_use]
pub fn webhook_signature_wrong() -> Problem {
    let detail = "The signature is not Razorpay's for this body.";
    Problem::new(StatusCode::UNAUTHORIZED, "signature_wrong", detail)
}

/// 404: the account, or the mess, has no such order.
#[must_use]
pub fn order_not_found() -> Problem {
    Problem::not_found("order_not_found", "There is no such order here.")
}

/// 409: the stock is smaller than the order.
#[must_use]
pub fn out_of_stock(short: &[Shortage]) -> Problem {
    let detail = "There is less in stock than was ordered.";
    Problem::conflict("out_of_stock", detail).with("items", short)
}

/// 404: the menu has no such item.
#[must_use]
pub fn item_not_found() -> Problem {
    Problem::not_found("item_not_found", "The menu has no such item.")
}

/// 404: the mess has no such student.
#[must_use]
pub fn student_not_found() -> Problem {
    Problem::not_found("student_not_found", "The mess has no such student.")
}

/// 404: this device has made no such scan at this mess.
#[must_use]
pub fn scan_not_found() -> Problem {
    Problem::not_found("scan_not_found", "This device has made no such scan here.")
}

/// 404: the mess has no such staff token.
#[must_use]
pub fn staff_token_not_found() -> Problem {
    Problem::not_found("staff_token_not_found", "The mess has no such staff token.")
}

/// 404: the student has no such cut.
#[must_use]
pub fn cut_not_found() -> Problem {
    Problem::not_found("cut_not_found", "You have no such cut.")
}

/// 404: the mess has no such closure.
#[must_use]
pub fn closure_not_found() -> Problem {
    Problem::not_found("closure_not_found", "The mess has no such closure.")
}

/// 409: the closure is over, so it cannot be deleted.
#[must_use]
pub fn closure_ended() -> Problem {
    Problem::conflict("closure_ended", "The closure is over, and counts as it was.")
}

/// 404: the student, or the mess, has no such payment of a cycle.
#[must_use]
pub fn payment_not_found() -> Problem {
    Problem::not_found("payment_not_found", "There is no such payment here.")
}

/// The error's message with a capital first letter.
fn capitalised(error: &impl std::fmt::Display) -> String {
    let message = error.to_string();
    let mut letters = message.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
