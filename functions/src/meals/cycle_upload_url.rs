//! `POST /api/v1/payments/upload-url`: a signed address to which the student's browser uploads
//! the screenshot of a payment. Nothing is stored: the object's key holds the student, the id and
//! the format.

use serde::Serialize;
use thali_domain::ids::PictureId;
use thali_domain::pictures::ScreenshotKey;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

use crate::accounts::profile_picture::{UploadView, WantedPicture};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "cycle-upload-url",
    &["/api/v1/payments/upload-url"],
    Access::Student,
    handler!(upload_url),
)
.needs(&[Part::Blobs])
.summary("Gives the address for the upload of a payment's screenshot")
.takes(schema::<WantedPicture>)
.answers(201, schema::<ScreenshotUpload>);

#[derive(Serialize, ToSchema)]
struct ScreenshotUpload {
    upload: UploadView,
    screenshot_key: ScreenshotKey,
}

async fn upload_url(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let WantedPicture { content_type: format, content_length } = request.json()?;
    let account_id = caller.session()?.account_id;
    let picture_id = PictureId::from_ulid(app.clock.ulid());
    let screenshot_key = ScreenshotKey { account_id, picture_id, format };
    let key = screenshot_key.to_string();
    let (length, now) = (content_length.into(), app.clock.now());
    let upload = app.blobs().upload_to(&key, format.content_type(), length, now).await?;
    Ok(Response::created(&ScreenshotUpload { upload: upload.into(), screenshot_key }))
}
