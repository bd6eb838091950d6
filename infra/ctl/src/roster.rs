//! What becomes of a list of students: who is new, whom there is already, and what speaks
//! against it. Each student is made in one transaction, so an import that was cut off has
//! made some students and none by half; the next one finds them and goes on.

use thali_domain::accounts::identity::{AccountStatus, Role, RollNo};
use thali_domain::ids::{AccountId, MessId};
use thali_files::csv_file::Fault;
use thali_files::enrolment::{self, Fate, Holder};
use thali_files::student_file::Row;
use thali_platform::auth::password::NO_PASSWORD;
use thali_platform::clock::Clock;
use thali_platform::store::{
    Account, AccountCreateError, Attempt, Holders, Stamp, Store, StoreError, retry_overtaken,
};

use crate::Failure;

/// An import into a mess.
pub struct Roster<'a> {
    /// Where students are.
    pub store: &'a Store,
    /// The time, and fresh ids.
    pub clock: &'a Clock,
    /// The mess.
    pub mess: &'a MessId,
    /// Where a student stands who is made.
    pub status: AccountStatus,
    /// Who imports.
    pub stamp: Stamp,
}

/// How many rows were, or would be, what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Students who are made.
    pub new: usize,
    /// Students whom there is already.
    pub unchanged: usize,
}

/// Why an import was not carried out, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Rows contradict what there is. Nothing was written.
    #[error("the file contradicts what there is")]
    Faults(Vec<Fault>),
    /// It ended too early.
    #[error(
        "stopped at line {line} ({roll_no}); {written} students were written before it, and \
         running this again goes on from there"
    )]
    Stopped {
        /// The line.
        line: u64,
        /// Whose it is.
        roll_no: RollNo,
        /// How many students were made before.
        written: usize,
        /// Why.
        source: Failure,
    },
    /// What there is could not be read. Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Roster<'_> {
    /// What is to become of each row, in their order.
    pub async fn look(&self, rows: &[Row]) -> Result<Vec<Fate>, ImportError> {
        let holders = self.holders(rows).await?;
        let (mut fates, mut faults) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match fate(row, &holders) {
                Ok(fate) => fates.push(fate),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(fates) } else { Err(ImportError::Faults(faults)) }
    }

    /// Makes the students who are new by what [`Roster::look`] has found; `passed` is called
    /// after each row. Somebody may have come since: who is there by now is left as they are.
    pub async fn write(
        &self,
        rows: &[Row],
        fates: Vec<Fate>,
        mut passed: impl FnMut(),
    ) -> Result<Tally, ImportError> {
        let mut tally = Tally::default();
        for (row, fate) in rows.iter().zip(fates) {
            let fate = match fate {
                Fate::New => self.make(row).await.map_err(|source| ImportError::Stopped {
                    line: row.line,
                    roll_no: row.roll_no.clone(),
                    written: tally.new,
                    source,
                })?,
                Fate::Unchanged => fate,
            };
            tally.count(fate);
            passed();
        }
        Ok(tally)
    }

    async fn holders(&self, rows: &[Row]) -> Result<Holders, StoreError> {
        let roll_nos: Vec<_> = rows.iter().map(|row| row.roll_no.clone()).collect();
        let emails: Vec<_> = rows.iter().filter_map(|row| row.email.clone()).collect();
        self.store.holders_of(self.mess, &roll_nos, &emails).await
    }

    /// Makes a student, account, guards and member at once; looks again where something of
    /// that is there by now.
    async fn make(&self, row: &Row) -> Result<Fate, Failure> {
        let account = self.account(row);
        retry_overtaken(|_| async {
            match self.store.account_create(&account, &self.stamp).await {
                Ok(()) => Ok(Attempt::Done(Fate::New)),
                Err(AccountCreateError::RollNoTaken | AccountCreateError::EmailTaken) => {
                    let holders = self.holders(std::slice::from_ref(row)).await?;
                    let told = |faults: Vec<Fault>| {
                        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                    };
                    let unchanged = fate(row, &holders).map_err(told)? == Fate::Unchanged;
                    Ok(Attempt::of(unchanged.then_some(Fate::Unchanged)))
                }
                Err(AccountCreateError::Store(StoreError::Contended)) => Ok(Attempt::Overtaken),
                Err(refusal) => Err(refusal.into()),
            }
        })
        .await
    }

    /// The account of a student who has proven nothing: without a password, which whoever
    /// reads the mails of the address chooses by a password reset.
    fn account(&self, row: &Row) -> Account {
        let Row { name, roll_no, room_no, phone, email, .. } = row.clone();
        let (id, mess) = (AccountId::from_ulid(self.clock.ulid()), self.mess.clone());
        let (password, now) = (NO_PASSWORD.to_owned(), self.stamp.at);
        Account {
            status: self.status,
            email,
            roll_no: Some(roll_no),
            room_no: Some(room_no),
            phone: Some(phone),
            ..Account::new(id, mess, Role::Student, name, password, now)
        }
    }
}

/// What becomes of a row, or what speaks against it.
fn fate(row: &Row, holders: &Holders) -> Result<Fate, Vec<Fault>> {
    let there = holders.roll_nos.get(&row.roll_no).map(holder);
    let email_holder = row.email.as_ref().and_then(|email| holders.emails.get(email)).copied();
    enrolment::fate(row, there, email_holder)
}

fn holder(account: &Account) -> Holder<'_> {
    Holder {
        account_id: account.account_id,
        role: account.role,
        name: &account.name,
        email: account.email.as_ref(),
    }
}

impl Tally {
    /// The tally of what is to become of rows.
    #[must_use]
    pub fn of(fates: &[Fate]) -> Self {
        let mut tally = Self::default();
        for fate in fates {
            tally.count(*fate);
        }
        tally
    }

    const fn count(&mut self, fate: Fate) {
        match fate {
            Fate::New => self.new += 1,
            Fate::Unchanged => self.unchanged += 1,
        }
    }
}
