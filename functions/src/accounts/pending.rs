//! Which pending registration a request means.

use thali_domain::identity::Email;
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::http::{Problem, Request};

/// The registration that was named by its id, else the newest of the e-mail; `None` where
/// there is none, which must look like one that has ended.
pub async fn find(
    app: &App,
    request: &Request,
    registration_id: Option<RegistrationId>,
    email: Option<Email>,
    mess_id: Option<MessId>,
) -> Result<Option<RegistrationId>, Problem> {
    match (registration_id, email) {
        (Some(id), _) => Ok(Some(id)),
        (None, Some(email)) => {
            let mess = request.mess_or_default(app, mess_id)?;
            Ok(app.store.registration_find(&mess, &email).await?)
        }
        (None, None) => {
            Err(Problem::invalid_field("registration_id", "is missing, and so is email"))
        }
    }
}
