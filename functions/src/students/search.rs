//! `GET /api/v1/students/search`: finds students by their roll number or the beginning of their
//! name, for a counter where somebody has no code. Each look-up is recorded before it is answered.

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::identity::{AccountStatus, Name, Role, RollNo, RoomNo};
use thali_domain::ids::{AccountId, LookupId};
use thali_domain::students::search::{FOUND_MAX, SearchText};
use thali_platform::app::App;
use thali_platform::blobs::BlobError;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, RATE_SEARCH, Request, Response, schema,
};
use thali_platform::store::{LookupRecord, Member};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "student-search",
    &["/api/v1/students/search"],
    Access::StaffOrOwner,
    handler!(search),
)
.rate(RATE_SEARCH)
.needs(&[Part::Blobs])
.summary("Finds students by roll number or by the beginning of their name; at most ten")
.query(&[QueryParameter {
    name: SEARCHED,
    description: "A roll number, or the beginning of a name",
    schema: schema::<SearchText>,
}])
.needs_query(&[SEARCHED])
.answers(200, schema::<FoundStudents>);

const SEARCHED: &str = "q";

/// How many names are read: more than are answered, because rejected students are left out.
const NAMES_MAX: usize = 20;

/// The students who were found: first the one with the roll number, then by name.
#[derive(Serialize, ToSchema)]
struct FoundStudents {
    items: Vec<FoundStudent>,
}

/// A student as staff look for them.
#[derive(Serialize, ToSchema)]
struct FoundStudent {
    account_id: AccountId,
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_no: Option<RoomNo>,
    /// The student's status, for owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<AccountStatus>,
    /// Address of the picture, valid for 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_url: Option<String>,
}

async fn search(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = caller.mess_id()?;
    request.only(&[SEARCHED])?;
    let searched: SearchText =
        request.query(SEARCHED)?.ok_or_else(|| Problem::invalid_field(SEARCHED, "is missing"))?;
    let beginning = searched.name();
    let by_roll_no = async {
        match searched.roll_no() {
            Some(roll_no) => app.store.roll_no_holder(mess, &roll_no).await,
            None => Ok(None),
        }
    };
    let (holder, named) =
        try_join!(by_roll_no, app.store.students_named(mess, &beginning, NAMES_MAX))?;
    let named = named.into_iter().filter(|account| Some(*account) != holder);
    let accounts: Vec<AccountId> = holder.into_iter().chain(named).collect();
    let mut members = app.store.members_found(mess, &accounts).await?;
    // The index may still have somebody who has just deleted the account.
    let is_gone = |status| matches!(status, AccountStatus::Rejected | AccountStatus::Deleted);
    members.retain(|member| !is_gone(member.status));
    members.truncate(FOUND_MAX);
    let stamp = caller.stamp(app, request);
    let found = members.iter().map(|member| member.account_id).collect();
    let id = LookupId::from_ulid(app.clock.ulid());
    let lookup = LookupRecord::new(id, mess.clone(), &searched, found, stamp.at);
    app.store.lookup_record(&lookup, &stamp).await?;
    let is_owner = caller.role()? == Role::Owner;
    let mut items = Vec::with_capacity(members.len());
    for member in members {
        let status = is_owner.then_some(member.status);
        items.push(FoundStudent { status, ..FoundStudent::of(app, member).await? });
    }
    Ok(Response::ok(&FoundStudents { items }))
}

impl FoundStudent {
    /// The student, with a newly signed address of their picture.
    async fn of(app: &App, member: Member) -> Result<Self, BlobError> {
        let picture_url = match member.picture_key {
            Some(key) => Some(app.blobs().download_from(&key.to_string(), app.clock.now()).await?),
            None => None,
        };
        let Member { account_id, name, roll_no, room_no, .. } = member;
        Ok(Self { account_id, name, roll_no, room_no, status: None, picture_url })
    }
}
