//! Reads a telephone number in a request as people in the mess's region write it.

use thali_domain::ids::MessId;
use thali_domain::phone::{Phone, Region, TypedPhone};
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::problems;

/// The number, or a 422 that names the field.
pub fn read(typed: &TypedPhone, region: Region) -> Result<Phone, Problem> {
    typed.in_region(region).map_err(|refusal| Problem::invalid_field("phone", refusal))
}

/// The same where the request needs nothing else of the mess.
pub async fn read_in(app: &App, mess: &MessId, typed: &TypedPhone) -> Result<Phone, Problem> {
    let mess = app.store.mess_get(mess).await?.ok_or_else(problems::mess_not_found)?;
    read(typed, mess.region)
}
