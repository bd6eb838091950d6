//! Finds the pending registrations that a request may mean.

use thali_domain::accounts::identity::Email;
use thali_domain::accounts::sources::Source;
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::http::{FieldError, Members, Problem, Request, one_of};

/// The rule that a request names a registration by its id or by its e-mail address.
pub fn named(body: &Members) -> Vec<FieldError> {
    one_of(body, &["registration_id", "registrationId", "email"])
}

/// The registrations that a request may mean.
pub struct Meant {
    /// The likeliest first.
    pub ids: Vec<RegistrationId>,
    /// From where the request comes, if it names only an address. Whoever names the id is no
    /// stranger.
    pub source: Option<Source>,
}

/// The registration with the given id. Else those of the e-mail address: the newest from where the
/// request comes, and the newest of all. If there is none, the response must be the same as for one
/// that has ended.
pub async fn find(
    app: &App,
    request: &Request,
    registration_id: Option<RegistrationId>,
    email: Option<Email>,
    mess_id: Option<MessId>,
) -> Result<Meant, Problem> {
    match (registration_id, email) {
        (Some(id), _) => Ok(Meant { ids: vec![id], source: None }),
        (None, Some(email)) => {
            let mess = request.mess_or_default(app, mess_id)?;
            let source = request.source(app);
            let ids = app.store.registrations_find(&mess, &email, &source).await?;
            Ok(Meant { ids, source: Some(source) })
        }
        (None, None) => Ok(Meant { ids: Vec::new(), source: None }),
    }
}
