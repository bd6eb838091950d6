//! `POST /api/v1/scanner/scan`: may this student eat? Takes two concurrent reads and one
//! conditional write. A repeated request with the same `nonce` returns the first outcome,
//! whatever has changed since. A dry run reads the plate instead of writing it.

use futures_util::try_join;
use thali_domain::ids::MessId;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::Member;

use super::device::Device;
use super::judge::{Counter, gate};
use super::sent::{ParsedScan, SentScan};
use super::view::ScanView;

pub static ENDPOINT: Endpoint =
    Endpoint::post("scan", &["/api/v1/scanner/scan"], Access::Staff, handler!(scan))
        .needs(&[Part::QrKey, Part::Blobs])
        .summary("Admits a student to a meal, or says why not")
        .takes(schema::<SentScan>)
        .answers(200, schema::<ScanView>)
        .refuses(&["mess_not_found"]);

async fn scan(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (device, mess) = (Device::of(caller)?, caller.mess_id()?);
    let stamp = caller.stamp(app, request);
    let parsed = SentScan::parse_live(request, stamp.at)?;
    let (gate, member) = try_join!(gate(app, mess), member(app, mess, &parsed))?;
    let counter = Counter { app, device: &device, gate: &gate, stamp: &stamp, offline: false };
    let view = if parsed.dry_run {
        ScanView::of_dry_run(app, &counter.foresee(&parsed, member.as_ref()).await?).await?
    } else {
        ScanView::of(app, &counter.judge(&parsed, member.as_ref()).await?).await?
    };
    Ok(Response::ok(&view))
}

/// The named student; nothing is read if the code is malformed.
async fn member(app: &App, mess: &MessId, parsed: &ParsedScan) -> Result<Option<Member>, Problem> {
    let Some(account) = parsed.account_id() else { return Ok(None) };
    Ok(app.store.member_get(mess, account).await?)
}
