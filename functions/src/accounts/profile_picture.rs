//! `POST /student/profile/picture`: returns a URL to which the student's browser uploads a
//! picture. Nothing is written: the object's key contains everything, and after the upload
//! `picture-check` makes the picture the account's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::PictureId;
use thali_domain::pictures::{PictureFormat, PictureKey, PictureLength};
use thali_platform::app::App;
use thali_platform::blobs::Upload;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "profile-picture",
    &["/student/profile/picture"],
    Access::Applicant,
    handler!(profile_picture),
)
.needs(&[Part::Blobs])
.summary("Gives the address for the upload of a profile picture")
.takes(schema::<WantedPicture>)
.answers(201, schema::<PictureUpload>);

/// The format and length of the picture to be uploaded.
#[derive(eserde::Deserialize, ToSchema)]
pub struct WantedPicture {
    /// The picture's format.
    #[serde(alias = "contentType")]
    #[eserde(compat)]
    pub content_type: PictureFormat,
    /// The picture's length in bytes.
    #[serde(alias = "contentLength")]
    #[eserde(compat)]
    pub content_length: PictureLength,
}

#[derive(Serialize, ToSchema)]
struct PictureUpload {
    upload: UploadView,
    picture_key: PictureKey,
}

/// An upload: the method, the URL and the headers to send.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub struct UploadView {
    #[schema(pattern = "^PUT$")]
    method: &'static str,
    url: String,
    headers: BTreeMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

async fn profile_picture(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let WantedPicture { content_type: format, content_length } = request.json()?;
    let account_id = caller.session()?.account_id;
    let picture_id = PictureId::from_ulid(app.clock.ulid());
    let picture_key = PictureKey { account_id, picture_id, format };
    let key = picture_key.to_string();
    let length = content_length.into();
    let now = app.clock.now();
    let upload = app.blobs().upload_to(&key, format.content_type(), length, now).await?;
    Ok(Response::created(&PictureUpload { upload: upload.into(), picture_key }))
}

impl From<Upload> for UploadView {
    fn from(Upload { url, headers, expires_at }: Upload) -> Self {
        Self { method: "PUT", url, headers, expires_at }
    }
}
