//! `GET /api/v1/audit`: the audit records of one entity or of one day in the owner's mess, newest
//! first. All keys that are queried begin with the mess, so an owner cannot reach another mess's
//! records.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thali_domain::Unacceptable;
use thali_domain::accounts::identity::Name;
use thali_domain::days::MealDate;
use thali_domain::ids::{
    AccountId, ClosureId, CutId, CycleId, MessId, OrderId, RazorpayOrderId, StaffTokenId,
};
use thali_domain::staff::scan_ids::ScanId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, Schemas, schema,
};
use thali_platform::problems;
use thali_platform::store::keys::{self, Key};
use thali_platform::store::{AuditFilter, AuditRecord, Known};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

pub static ENDPOINT: Endpoint = Endpoint::get(
    "audit-list",
    &["/api/v1/audit"],
    Access::Owner,
    handler!(list),
)
.summary("The changes of one entity or of one day, newest first; a short page may not be the last")
.query(&[
    QueryParameter {
        name: ENTITY,
        description: "Of what: an id, or what a record calls it; either this or date",
        schema: Entity::schema,
    },
    QueryParameter {
        name: DATE,
        description: "Of which day, by the mess's clock; either this or entity",
        schema: schema::<MealDate>,
    },
])
.answers_page(schema::<AuditView>)
.refuses(&["mess_not_found"]);

const ENTITY: &str = "entity";

const DATE: &str = "date";

/// The maximum length of `entity`, in bytes.
const ENTITY_LENGTH_MAX: usize = 300;

/// A record.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
struct AuditView {
    /// The change's own id.
    event_id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What was changed.
    entity: String,
    /// The kind of the changed item.
    kind: String,
    #[schema(pattern = "^(INSERT|MODIFY|REMOVE)$")]
    operation: String,
    /// Who changed it: an account, or a name such as `operator`.
    actor: String,
    /// What the actor is.
    actor_kind: ActorKind,
    /// The name of the person or of the device, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_name: Option<Name>,
    /// The name of the person whose item was changed, as it is now, unless the item is an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<Name>,
    /// The id of the request that changed it.
    request_id: String,
    /// The item before the change, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The item after the change, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

/// What somebody or something is that makes changes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ActorKind {
    Account,
    /// An account that its person has deleted.
    DeletedAccount,
    StaffToken,
    /// Somebody who was not logged in.
    Anonymous,
    /// A job, a worker, a partner or the operator.
    Service,
}

impl ActorKind {
    fn of(actor: &str, known: Option<&Known>) -> Self {
        match known {
            Some(Known::DeletedAccount) => Self::DeletedAccount,
            _ if AccountId::parse(actor).is_ok() => Self::Account,
            _ if StaffTokenId::parse(actor).is_ok() => Self::StaffToken,
            _ if actor == "anonymous" => Self::Anonymous,
            _ => Self::Service,
        }
    }
}

/// The account whose item a record is about, if it is an item of an account.
fn account_of(record: &AuditRecord) -> Option<&str> {
    let mut sides = [record.after.as_ref(), record.before.as_ref()].into_iter().flatten();
    let account = sides.find_map(|side| side.get("account_id")?.as_str());
    account.filter(|_| record.kind != "account")
}

fn name_of(known: Option<&Known>) -> Option<Name> {
    match known? {
        Known::Account(name) | Known::StaffToken(name) => Some(name.clone()),
        Known::DeletedAccount => None,
    }
}

impl AuditView {
    fn of(record: AuditRecord, people: &HashMap<String, Known>) -> Self {
        let account_name = name_of(account_of(&record).and_then(|id| people.get(id)));
        let AuditRecord { event_id, entity, kind, operation, actor, request_id, .. } = record;
        let AuditRecord { at, before, after, .. } = record;
        let known = people.get(&actor);
        Self {
            event_id,
            at,
            entity,
            kind,
            operation,
            actor_kind: ActorKind::of(&actor, known),
            actor_name: name_of(known),
            account_name,
            actor,
            request_id,
            before,
            after,
        }
    }
}

/// How the request names the entity whose history it asks for.
enum Entity {
    /// By the name that the records use.
    Recorded(String),
    /// By an id from which the item's key can be built.
    Placed(fn(&MessId, &str) -> Option<Key>, String),
    /// By the Razorpay order of a purchase. The purchase must be read to know its student.
    Purchase(RazorpayOrderId),
}

/// The functions that build an item's key from the mess and the item's id, by kind of id.
const PLACED: [fn(&MessId, &str) -> Option<Key>; 8] = [
    |_, id| Some(keys::account(AccountId::parse(id).ok()?)),
    |mess, id| Some(keys::order(mess, OrderId::parse(id).ok()?)),
    |mess, id| Some(keys::cycle(mess, CycleId::parse(id).ok()?)),
    |mess, id| Some(keys::cut(mess, CutId::parse(id).ok()?)),
    |mess, id| Some(keys::closure(mess, ClosureId::parse(id).ok()?)),
    |mess, id| Some(keys::staff_token(mess, StaffTokenId::parse(id).ok()?)),
    |mess, id| {
        let scan = ScanId::parse(id).ok()?;
        Some(keys::plate(mess, scan.sitting(), scan.account_part()?))
    },
    |_, id| Some(keys::mess(&MessId::parse(id).ok()?)),
];

impl Entity {
    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        text.max_length(Some(ENTITY_LENGTH_MAX)).into()
    }
}

impl FromStr for Entity {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=ENTITY_LENGTH_MAX).contains(&text.len());
        if fits && text.contains('/') {
            return Ok(Self::Recorded(text.to_owned()));
        }
        if let Ok(order) = RazorpayOrderId::parse(text) {
            return Ok(Self::Purchase(order));
        }
        // Any mess will do: whether an id is of a kind does not depend on the mess.
        let mess = MessId::parse("mess_any").expect("an id");
        let place = PLACED.into_iter().find(|place| place(&mess, text).is_some());
        let refused = || Unacceptable("must be an id, or what a record calls it".to_owned());
        place.map(|place| Self::Placed(place, text.to_owned())).ok_or_else(refused)
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let page = request.page_with(&[ENTITY, DATE])?;
    let of = match (request.query(ENTITY)?, request.query(DATE)?) {
        (Some(entity), None) => recorded(app, mess, entity).await?.map(AuditFilter::Entity),
        (None, Some(date)) => Some(day(app, mess, date).await?),
        (None, None) => return Err(Problem::invalid_field(ENTITY, "is missing, and so is date")),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_field(DATE, "does not go together with entity"));
        }
    };
    let Some(of) = of else { return Ok(Response::page(&[(); 0], None)) };
    let before = page.after();
    if before.is_some_and(|before| !before.starts_with(|first: char| first.is_ascii_digit())) {
        return Err(Problem::invalid_field("cursor", "is not one that this list has answered"));
    }
    let now = app.clock.now();
    let (records, next) = app.store.audit_page(mess, &of, before, page.reach() - 1, now).await?;
    let people = people_in(app, mess, &records).await?;
    let views: Vec<AuditView> =
        records.into_iter().map(|record| AuditView::of(record, &people)).collect();
    Ok(Response::page(&views, next.map(|next| Page::cursor(&next))))
}

/// Who made the changes, and whose items they are.
async fn people_in(
    app: &App,
    mess: &MessId,
    records: &[AuditRecord],
) -> Result<HashMap<String, Known>, Problem> {
    let mut ids = BTreeSet::new();
    for record in records {
        ids.insert(record.actor.as_str());
        ids.extend(account_of(record));
    }
    Ok(app.store.people_named(mess, &ids).await?)
}

/// The hours of a day in the mess's time zone.
async fn day(app: &App, mess: &MessId, date: MealDate) -> Result<AuditFilter, Problem> {
    let mess = app.store.mess_get(mess).await?.ok_or_else(problems::mess_not_found)?;
    Ok(AuditFilter::Between(mess.day_begins(date), mess.day_begins(date.plus_days(1))))
}

/// The name that the records use for an entity; `None` if the mess has no such purchase.
async fn recorded(app: &App, mess: &MessId, entity: Entity) -> Result<Option<String>, Problem> {
    Ok(match entity {
        Entity::Recorded(text) => Some(text),
        Entity::Placed(place, id) => place(mess, &id).map(|key| keys::entity(&key)),
        Entity::Purchase(order) => {
            let purchase = app.store.purchase_find(&order).await?;
            let ours = purchase.filter(|purchase| purchase.mess_id == *mess);
            let key = ours.map(|ours| keys::purchase(ours.account_id, &ours.order_id));
            key.map(|key| keys::entity(&key))
        }
    })
}
