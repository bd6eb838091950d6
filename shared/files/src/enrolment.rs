//! What becomes of each student of a list: who is new, who is there already, and what speaks
//! against it.

use thali_domain::accounts::identity::{Email, Name, Role};
use thali_domain::ids::AccountId;

use crate::csv_file::Fault;
use crate::student_file::Row;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The student is made.
    New,
    /// There is a student of this roll number, name and address, who stays as they are.
    Unchanged,
}

impl Fate {
    /// The fate in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Who has the roll number of a row.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    pub account_id: AccountId,
    pub role: Role,
    pub name: &'a Name,
    pub email: Option<&'a Email>,
}

/// What becomes of a row, or what speaks against it. `there` has the row's roll number, and
/// `email_holder` its e-mail address. Who is known by number, name and, where the row has one,
/// address is the same student, whatever else they have changed since.
pub fn fate(
    row: &Row,
    there: Option<Holder<'_>>,
    email_holder: Option<AccountId>,
) -> Result<Fate, Vec<Fault>> {
    let same = |holder: &Holder<'_>| holder.role == Role::Student && *holder.name == row.name;
    let student = there.filter(same);
    let mut faults = Vec::new();
    if let (Some(other), None) = (there, student) {
        let message = format!("is {}'s already", other.name);
        faults.push(Fault::of_column(row.line, "roll_no", message));
    }
    if email_holder.is_some_and(|holder| there.is_none_or(|there| there.account_id != holder)) {
        faults.push(Fault::of_column(row.line, "email", "is somebody else's already"));
    } else if let (Some(student), Some(email)) = (student, &row.email) {
        // Anybody can register with somebody's number and name; by the mails of the address
        // they would have the account.
        if student.email != Some(email) {
            let message = "is there with another e-mail address, or with none";
            faults.push(Fault::of_column(row.line, "roll_no", message));
        }
    }
    match (faults.is_empty(), student) {
        (false, _) => Err(faults),
        (true, Some(_)) => Ok(Fate::Unchanged),
        (true, None) => Ok(Fate::New),
    }
}
