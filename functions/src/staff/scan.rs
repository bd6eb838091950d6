//! `POST /api/v1/scanner/scan`: may this student eat? Takes two concurrent reads and one
//! conditional write. A repeated request with the same `nonce` returns the first outcome,
//! whatever has changed since.

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
    let parsed = request.json::<SentScan>()?.parse(stamp.at);
    let parsed = parsed.map_err(|refusal| Problem::invalid_field("scanned_at", refusal))?;
    let (gate, member) = try_join!(gate(app, mess), member(app, mess, &parsed))?;
    let counter = Counter { app, device: &device, gate: &gate, stamp: &stamp, offline: false };
    let judged = counter.judge(&parsed, member.as_ref()).await?;
    Ok(Response::ok(&ScanView::of(app, &judged).await?))
}

/// The student whom the code names; nothing is read if the code is malformed.
async fn member(app: &App, mess: &MessId, parsed: &ParsedScan) -> Result<Option<Member>, Problem> {
    let Some(account) = parsed.account_id() else { return Ok(None) };
    Ok(app.store.member_get(mess, account).await?)
}
