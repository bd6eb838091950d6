//! Finds the pending registration that a request names.

use thali_domain::accounts::identity::Email;
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::http::{FieldError, Members, Problem, Request, one_of};

/// The rule that a request names a registration by its id or by its e-mail address.
pub fn named(body: &Members) -> Vec<FieldError> {
    one_of(body, &["registration_id", "registrationId", "email"])
}

/// The registration with the given id, else the newest one of the e-mail address. `None` if
/// there is none; the response must then be the same as for one that has ended.
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
