//! Which pending registration a request means.

use thali_domain::accounts::identity::Email;
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::http::{FieldError, Members, Problem, Request, one_of};

/// The rule that a request names a registration one way or the other.
pub fn named(body: &Members) -> Vec<FieldError> {
    one_of(body, &["registration_id", "registrationId", "email"])
}

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
        (None, None) => Ok(None),
    }
}
