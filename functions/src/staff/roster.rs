//! `GET /api/v1/scanner/roster`: what a device must know to judge scans while it is offline, in
//! pages of students. A page is two reads, and one for each of today's meals that is not over.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, try_join_all};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::staff::roster::{
    Listed, Roster, RosterDay, RosterStudent, is_listed, valid_until,
};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, CURSOR, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, Schemas,
    schema,
};
use thali_platform::store::{Member, StoreError};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::judge::gate;

pub static ENDPOINT: Endpoint =
    Endpoint::get("roster", &["/api/v1/scanner/roster"], Access::Staff, handler!(roster))
        .needs(&[Part::QrKey])
        .summary("What a device must know to judge scans while it is offline")
        .query(&[QueryParameter {
            name: CURSOR,
            description: "The next_cursor of the page before",
            schema: text,
        }])
        .answers(200, schema::<RosterView>)
        .tells_changes()
        .refuses(&["mess_not_found"]);

/// How many students a page has at most: some hundred kilobytes of items, and of JSON.
const STUDENTS_MAX: usize = 1_000;

fn text(_: &mut Schemas) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// A page of the roster.
#[derive(Serialize, ToSchema)]
#[schema(as = Roster)]
struct RosterView {
    /// What was admitted until then is known.
    #[schema(value_type = String, format = DateTime)]
    generated_at: Timestamp,
    #[serde(flatten)]
    #[schema(inline)]
    content: Content,
}

/// What the `ETag` stands for.
#[derive(Serialize, ToSchema)]
struct Content {
    /// When a device must stop judging by this page.
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
    /// Until when codes of the mess's previous key are valid, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_codes_until: Option<Timestamp>,
    /// Today and the next two days, and yesterday while one of its meals is served.
    days: Vec<RosterDay>,
    /// The students who can have a code.
    items: Vec<RosterStudent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn roster(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = caller.mess_id()?;
    request.only(&[CURSOR])?;
    let after = after(request)?;
    let members = app.store.members_page(mess, after, STUDENTS_MAX);
    let (gate, members) = join(gate(app, mess), members).await;
    let (gate, (members, last)) = (gate?, members?);
    let now = app.clock.now();
    let roster = Roster::of(&gate, app.qr_key().expose_secret().as_bytes(), now);
    let admitted = admitted(app, mess, roster.sittings_begun().collect()).await?;
    let content = Content {
        valid_until: valid_until(now),
        previous_codes_until: roster.previous_codes_until,
        items: items(&roster, &members, &admitted),
        days: roster.days,
        next_cursor: last.map(|last| Page::cursor(&last.to_string())),
    };
    let view = RosterView { generated_at: now, content };
    Ok(Response::ok(&view).unless_known(request, &view.content).compressed_for(request))
}

/// The student after whom the page begins.
fn after(request: &Request) -> Result<Option<AccountId>, Problem> {
    let Some(cursor) = request.cursor()? else { return Ok(None) };
    let refused = |_| Problem::invalid_field(CURSOR, "is not one that this list has answered");
    AccountId::parse(&cursor).map(Some).map_err(refused)
}

/// Who was admitted at each sitting, as the part of the account that is in ids.
async fn admitted(
    app: &App,
    mess: &MessId,
    sittings: Vec<Sitting>,
) -> Result<BTreeMap<Sitting, BTreeSet<String>>, StoreError> {
    let of_sitting = async |sitting| {
        Ok::<_, StoreError>((sitting, app.store.plates_admitted(mess, sitting).await?))
    };
    Ok(try_join_all(sittings.into_iter().map(of_sitting)).await?.into_iter().collect())
}

fn items(
    roster: &Roster<'_>,
    members: &[Member],
    admitted: &BTreeMap<Sitting, BTreeSet<String>>,
) -> Vec<RosterStudent> {
    let listed = members.iter().filter(|member| is_listed(member.status));
    let item = |member: &Member| {
        let (account_id, student) = (member.account_id, member.entitlement());
        let part = account_id.account_part();
        let has_eaten = |sitting| admitted.get(&sitting).is_some_and(|it| it.contains(&part));
        let (name, room_no) = (&member.name, member.room_no.as_ref());
        roster.student(Listed { account_id, name, room_no, student: &student }, has_eaten)
    };
    listed.map(item).collect()
}
