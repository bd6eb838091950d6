//! Decides whether a scan admits its student: makes the checks, and records the outcome in one
//! write. Used for live scans and for scans that are uploaded later.

use secrecy::ExposeSecret;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::staff::gate::Gate;
use thali_domain::staff::plates::{Plate, Scan};
use thali_domain::staff::scan_ids::{ScanId, ScanKey};
use thali_domain::staff::scanning::{Named, Shown, Verdict};
use thali_domain::students::qr::{MessKey, ReadCode};
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{Consistency, Member, NewScan, Recorded, Stamp};

use super::device::Device;
use super::sent::{ParsedScan, SentStudent};

/// Reads the mess, which no scan caches. The read is eventually consistent.
pub(crate) async fn gate(app: &App, mess: &MessId) -> Result<Gate, Problem> {
    let gate = app.store.gate_get(mess, Consistency::Eventual).await?;
    gate.ok_or_else(problems::mess_not_found)
}

/// What the scans of one request have in common.
pub(crate) struct Counter<'a> {
    pub(crate) app: &'a App,
    pub(crate) device: &'a Device,
    pub(crate) gate: &'a Gate,
    pub(crate) stamp: &'a Stamp,
    /// Whether the scans were made offline and are uploaded now.
    pub(crate) offline: bool,
}

/// A scan whose outcome was recorded.
pub(crate) struct Judged<'a> {
    /// The plate, and the scan in it.
    pub(crate) recorded: Recorded,
    /// The student, if the mess signed the code or staff named them.
    pub(crate) member: Option<&'a Member>,
}

/// A scan with its verdict, before the plate.
struct Decided<'a> {
    sitting: Sitting,
    /// The student, as proven by the code's signature, or as staff named them.
    account_id: Option<AccountId>,
    member: Option<&'a Member>,
    key: ScanKey,
    scan: Scan,
}

impl Counter<'_> {
    /// Checks a scan and records the outcome. `member` is the named student.
    pub(crate) async fn judge<'m>(
        &self,
        parsed: &ParsedScan,
        member: Option<&'m Member>,
    ) -> Result<Judged<'m>, Problem> {
        let Decided { sitting, account_id, member, key, scan } = self.decide(parsed, member);
        if let Some(recorded) = self.first_outcome_before(parsed, account_id, &key).await? {
            return Ok(Judged { recorded, member });
        }
        let (mess_id, diner) = (&self.gate.mess.mess_id, member.map(Member::diner));
        let diner = diner.as_ref();
        let new = NewScan { mess_id, sitting, account_id, diner, key: &key, scan: &scan };
        let recorded = self.app.store.scan_record(new, self.stamp).await?;
        Ok(Judged { recorded, member })
    }

    /// What the scan would do: its outcome if it were recorded now.
    pub(crate) async fn foresee<'m>(
        &self,
        parsed: &ParsedScan,
        member: Option<&'m Member>,
    ) -> Result<Judged<'m>, Problem> {
        let Decided { sitting, account_id, member, scan, .. } = self.decide(parsed, member);
        let mess_id = &self.gate.mess.mess_id;
        let found = match account_id {
            Some(account) => {
                self.app.store.plate_get(mess_id, sitting, &account.account_part()).await?
            }
            None => None,
        };
        let mut plate = found.unwrap_or_else(|| Plate::empty(mess_id.clone(), sitting));
        if scan.refused.is_none() && plate.admitted.is_none() {
            plate.admitted = Some(scan.scan_id.clone());
        }
        Ok(Judged { recorded: Recorded { plate, scan }, member })
    }

    fn decide<'m>(&self, parsed: &ParsedScan, member: Option<&'m Member>) -> Decided<'m> {
        let signed = parsed.code().is_some_and(|read| self.is_signed(read));
        let (named, proven) = match &parsed.student {
            SentStudent::Text { code: Some(read), .. } => (Named::ByCode { read, signed }, signed),
            SentStudent::Text { code: None, .. } => (Named::ByNoCode, false),
            // An id of which the mess knows nothing is no student's.
            SentStudent::Account(_) => (Named::ByStaff, member.is_some()),
        };
        let student = member.map(Member::entitlement);
        let (gate, student, meal) = (self.gate, student.as_ref(), parsed.meal);
        let shown = Shown { gate, named, student, meal, at: parsed.at, offline: self.offline };
        let Verdict { sitting, refused, past_unknown } = shown.judge();
        // A code that the mess has not signed belongs to no student, whatever it names.
        let account_id = parsed.account_id().filter(|_| proven);
        let label = self.device.label(parsed.info.as_ref());
        let key = self.key_of(parsed, &label);
        let scan = Scan {
            scan_id: ScanId::new(sitting, self.app.clock.ulid(), account_id),
            device_id: self.device.id.clone(),
            device: label,
            scanned_at: parsed.at,
            arrived_at: self.stamp.at,
            offline: self.offline,
            manual: matches!(parsed.student, SentStudent::Account(_)),
            refused,
            past_unknown,
            undone_at: None,
            overridden: None,
        };
        Decided { sitting, account_id, member: member.filter(|_| proven), key, scan }
    }

    /// Whether the mess has signed the code, even with a key that is no longer valid. So all
    /// scans of a student are stored in one place, whatever happens to the keys.
    fn is_signed(&self, read: &ReadCode) -> bool {
        let mess = &self.gate.mess.mess_id;
        let secret = self.app.qr_key().expose_secret().as_bytes();
        MessKey::derive(secret, mess, read.code.kid).verifies(mess, read)
    }

    fn key_of(&self, parsed: &ParsedScan, label: &str) -> ScanKey {
        let ParsedScan { student, meal, at, .. } = parsed;
        let device = (self.device.id.as_str(), label);
        match &parsed.nonce {
            Some(nonce) => ScanKey::of_nonce(device, nonce.as_str()),
            None if self.offline && parsed.is_timed => {
                ScanKey::of_upload(device, &student.identity(), *meal, *at)
            }
            None => ScanKey::of_scan(self.app.clock.ulid()),
        }
    }

    /// The first outcome of a repeated scan, if the first scan came before the meal's day ended.
    /// Only a scan with a nonce can be repeated, and only a scan without a time can move to
    /// another day, shortly after the day's end. No other scan pays for this read.
    async fn first_outcome_before(
        &self,
        parsed: &ParsedScan,
        account_id: Option<AccountId>,
        key: &ScanKey,
    ) -> Result<Option<Recorded>, Problem> {
        let repeatable = parsed.nonce.is_some() && !parsed.is_timed;
        let Some(account) = account_id.filter(|_| repeatable) else { return Ok(None) };
        let before: Option<Sitting> = self.gate.sitting_before(parsed.meal, parsed.at);
        let Some(sitting) = before else { return Ok(None) };
        let (store, mess) = (&self.app.store, &self.gate.mess.mess_id);
        let plate = store.plate_get(mess, sitting, &account.account_part()).await?;
        Ok(plate.and_then(|plate| {
            let scan = plate.scans.get(key)?.clone();
            Some(Recorded { plate, scan })
        }))
    }
}
