//! `POST /api/v1/scanner/scans/{scan_id}/undo`: undoes a mistaken admission, within ten
//! minutes and with the token or login that made it. The student can then be admitted again. A
//! repeated request returns the same.

use thali_domain::staff::plates::{Plate, Scan, UndoRefusal};
use thali_domain::staff::scan_ids::{ScanId, ScanKey};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, retry_overtaken};

use super::device::Device;
use super::view::ScanView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "scan-undo",
    &["/api/v1/scanner/scans/{scan_id}/undo"],
    Access::Staff,
    handler!(undo),
)
.summary("Undoes an admission, within ten minutes")
.answers(200, schema::<ScanView>)
.refuses(&["scan_not_found", "not_admitted", "undo_expired"]);

/// Decides and writes; reads and decides again if the plate changed at the same time.
async fn undo(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (device, mess) = (Device::of(caller)?, caller.mess_id()?);
    let scan_id: ScanId = request.param("scan_id").ok_or_else(problems::scan_not_found)?;
    // A scan without a student admitted nobody, whichever device made it.
    let account_part = scan_id.account_part().ok_or(UndoRefusal::NotAdmitted)?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let plate = app.store.plate_get(mess, scan_id.sitting(), account_part).await?;
        let plate = plate.ok_or_else(problems::scan_not_found)?;
        let (key, scan) = find(&plate, &scan_id, &device)?;
        if !plate.undo(scan, stamp.at)? {
            return Ok(Attempt::Done(Response::ok(&ScanView::changed(&plate, scan))));
        }
        let Some(plate) = app.store.scan_undo(&plate, (key, scan), &stamp).await? else {
            return Ok(Attempt::Overtaken);
        };
        let (_, scan) = find(&plate, &scan_id, &device)?;
        Ok(Attempt::Done(Response::ok(&ScanView::changed(&plate, scan))))
    })
    .await
}

/// The scan, if this device made it.
pub(super) fn find<'p>(
    plate: &'p Plate,
    scan_id: &ScanId,
    device: &Device,
) -> Result<(&'p ScanKey, &'p Scan), Problem> {
    let found = plate.find(scan_id).filter(|(_, scan)| scan.device_id == device.id);
    found.ok_or_else(problems::scan_not_found)
}
