//! `POST /api/v1/scanner/scans/{scan_id}/override`: admits a student in spite of the refusal of a
//! scan, within ten minutes and with the token or login that made it, where the owner allows it.
//! The owner is told. A repeated request returns the same.

use futures_util::try_join;
use thali_domain::staff::overrides::{Override, OverrideReason, OverrideRefusal};
use thali_domain::staff::refusals::Refusal;
use thali_domain::staff::scan_ids::ScanId;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, retry_overtaken};
use utoipa::ToSchema;

use super::device::Device;
use super::undo::find;
use super::view::ScanView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "scan-override",
    &["/api/v1/scanner/scans/{scan_id}/override"],
    Access::Staff,
    handler!(overrule),
)
.summary("Admits a student in spite of a refusal, within ten minutes, where the owner allows it")
.takes(schema::<OverrideScan>)
.answers(200, schema::<ScanView>)
.refuses(&["scan_not_found", "mess_not_found", "override_not_allowed", "override_expired"]);

#[derive(eserde::Deserialize, ToSchema)]
struct OverrideScan {
    /// Why, for the owner.
    #[eserde(compat)]
    #[schema(value_type = OverrideReason)]
    reason: Typed<OverrideReason>,
}

/// Decides and writes; reads and decides again if the plate changed at the same time.
async fn overrule(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (device, mess_id) = (Device::of(caller)?, caller.mess_id()?);
    let OverrideScan { reason: Typed(reason) } = request.json()?;
    let scan_id: ScanId = request.param("scan_id").ok_or_else(problems::scan_not_found)?;
    // A scan without a student says who nobody is, whichever device made it.
    let account_part =
        scan_id.account_part().ok_or(OverrideRefusal::Never(Refusal::UnknownStudent))?;
    let stamp = caller.stamp(app, request);
    let made = Override { reason, at: stamp.at, by: stamp.actor.clone() };
    retry_overtaken(|_| async {
        let (mess, plate) = try_join!(
            app.store.mess_get(mess_id),
            app.store.plate_get(mess_id, scan_id.sitting(), account_part),
        )?;
        let mess = mess.ok_or_else(problems::mess_not_found)?;
        let plate = plate.ok_or_else(problems::scan_not_found)?;
        let (key, scan) = find(&plate, &scan_id, &device)?;
        let member = match &plate.diner {
            Some(diner) => app.store.member_get(mess_id, diner.account_id).await?,
            None => None,
        };
        let status = member.map(|member| member.status);
        if !plate.override_refusal(scan, &mess, status, stamp.at)? {
            return Ok(Attempt::Done(Response::ok(&ScanView::changed(&plate, scan))));
        }
        let written = app.store.scan_override(&plate, (key, scan), &made, &stamp).await?;
        let Some(plate) = written else { return Ok(Attempt::Overtaken) };
        let (_, scan) = find(&plate, &scan_id, &device)?;
        Ok(Attempt::Done(Response::ok(&ScanView::changed(&plate, scan))))
    })
    .await
}
