//! `PATCH /api/v1/mess`: changes the settings that the body names. Settings are never cached, so
//! a change holds from the next request on.

use serde_json::Value;
use thali_domain::accounts::identity::Name;
use thali_domain::mess::{Approval, Meal, MealWindow, Mess, Overrides, WallTime, ZoneName};
use thali_domain::owner::settings::{MessPatch, TokenPrice, TokenValidity};
use thali_domain::phone::Region;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Attempt, Consistency, retry_overtaken};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::patch("mess-update", &["/api/v1/mess"], Access::Owner, handler!(mess_update))
        .summary("Changes the mess's settings, from the next request on")
        .takes(schema::<UpdateMess>)
        .answers(200, schema::<Mess>)
        .refuses(&["mess_not_found"]);

#[derive(eserde::Deserialize, ToSchema)]
struct UpdateMess {
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Name>)]
    name: Option<Typed<Name>>,
    #[serde(default, alias = "timeZone")]
    #[eserde(compat)]
    time_zone: Option<ZoneName>,
    #[serde(default)]
    #[eserde(compat)]
    region: Option<Region>,
    #[serde(default, alias = "mealWindows")]
    meal_windows: Option<UpdateWindows>,
    #[serde(default, alias = "tokenPricePaise")]
    #[eserde(compat)]
    token_price_paise: Option<TokenPrice>,
    #[serde(default, alias = "tokenValidityDays")]
    #[eserde(compat)]
    token_validity_days: Option<TokenValidity>,
    #[serde(default)]
    #[eserde(compat)]
    approval: Option<Approval>,
    #[serde(default, alias = "cutCutoff")]
    #[eserde(compat)]
    cut_cutoff: Option<WallTime>,
    #[serde(default)]
    #[eserde(compat)]
    overrides: Option<Overrides>,
}

/// The meals that are served at other times from now on.
#[derive(eserde::Deserialize, ToSchema)]
struct UpdateWindows {
    #[serde(default, rename = "BREAKFAST")]
    breakfast: Option<UpdateWindow>,
    #[serde(default, rename = "LUNCH")]
    lunch: Option<UpdateWindow>,
    #[serde(default, rename = "DINNER")]
    dinner: Option<UpdateWindow>,
}

#[derive(eserde::Deserialize, ToSchema)]
struct UpdateWindow {
    #[eserde(compat)]
    opens: WallTime,
    #[eserde(compat)]
    closes: WallTime,
}

async fn mess_update(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let patch = MessPatch::from(request.json_where::<UpdateMess>(no_lists)?);
    let id = &caller.session()?.mess_id;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let gate = app.store.gate_get(id, Consistency::Strong).await?;
        let gate = gate.ok_or_else(problems::mess_not_found)?;
        let wanted = patch.apply(&gate.mess)?;
        let updated = app.store.mess_update(&gate, &wanted, &stamp).await?;
        Ok(Attempt::of(updated).map(|mess| Response::ok(&mess)))
    })
    .await
}

/// Refuses lists in place of objects. Serde would read a list as an object's members in order.
fn no_lists(body: &Members) -> Vec<FieldError> {
    let refused = |path: String| FieldError::new(&path, "must be an object");
    let windows = body.get("meal_windows").or_else(|| body.get("mealWindows"));
    match windows {
        Some(Value::Array(_)) => vec![refused("meal_windows".to_owned())],
        Some(Value::Object(windows)) => windows
            .iter()
            .filter(|(_, window)| window.is_array())
            .map(|(meal, _)| refused(format!("meal_windows.{meal}")))
            .collect(),
        _ => Vec::new(),
    }
}

impl From<UpdateMess> for MessPatch {
    fn from(update: UpdateMess) -> Self {
        Self {
            name: update.name.map(|Typed(name)| name),
            time_zone: update.time_zone,
            region: update.region,
            meal_windows: update.meal_windows.map(UpdateWindows::named).unwrap_or_default(),
            token_price: update.token_price_paise,
            token_validity: update.token_validity_days,
            approval: update.approval,
            cut_cutoff: update.cut_cutoff,
            overrides: update.overrides,
        }
    }
}

impl UpdateWindows {
    /// The windows of the meals that the request names.
    fn named(self) -> std::collections::BTreeMap<Meal, MealWindow> {
        let windows = [
            (Meal::Breakfast, self.breakfast),
            (Meal::Lunch, self.lunch),
            (Meal::Dinner, self.dinner),
        ];
        let named = windows.into_iter().filter_map(|(meal, window)| Some((meal, window?)));
        named
            .map(|(meal, UpdateWindow { opens, closes })| (meal, MealWindow { opens, closes }))
            .collect()
    }
}
