//! `GET /api/v1/students/me/qr`: the code that the student shows at the counter, as text or
//! as a picture.

use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::Consistency;
use tokio::try_join;

use super::qr::{self, CodeView, Format};

pub static ENDPOINT: Endpoint =
    Endpoint::get("qr-get", &["/api/v1/students/me/qr"], Access::Student, handler!(qr_get))
        .needs(&[Part::QrKey])
        .summary("The student's code, as text or as a picture")
        .query(&[QueryParameter {
            name: FORMAT,
            description: "How it is wanted; json where nothing is said",
            schema: schema::<Format>,
        }])
        .answers_or_file(schema::<CodeView>, &[SVG, PNG])
        .refuses(&["student_not_found", "mess_not_found"]);

const FORMAT: &str = "format";

const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

async fn qr_get(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let format = request.query::<Format>(FORMAT)?.unwrap_or_default();
    let session = caller.session()?;
    let stamp = caller.stamp(app, request);
    let (member, gate) = try_join!(
        app.store.member_ensured(&session.mess_id, session.account_id, &stamp),
        app.store.gate_get(&session.mess_id, Consistency::Strong),
    )?;
    let member = member.ok_or_else(problems::student_not_found)?;
    let gate = gate.ok_or_else(problems::mess_not_found)?;
    let view = CodeView::of(app, &member, &gate.qr_keys);
    Ok(match format {
        Format::Json => Response::ok(&view),
        Format::Svg => Response::file(SVG, qr::svg(&view.qr_data).map_err(Problem::internal)?),
        Format::Png => Response::file(PNG, qr::png(&view.qr_data).map_err(Problem::internal)?),
    })
}
