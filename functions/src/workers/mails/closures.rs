//! Mails about closures. A student without an address gets none.

use thali_domain::days::{MealDate, Meals};
use thali_domain::meals::closures::has_ended;
use thali_domain::mess::{Meal, Mess};
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::super::messages::ClosureMail;
use super::{Error, addressee_if_any, compose, mail_templates};

#[derive(Clone, Copy)]
struct Closure<'a> {
    mess: &'a str,
    name: &'a str,
    days: &'a str,
    meals: &'a str,
    reason: &'a str,
    app_url: Option<&'a str>,
}
mail_templates!(Closure: ClosureText = "mail/closure.txt", ClosureHtml = "mail/closure.html");

/// The mail about a closure, with its days and its reason; none if the closure was deleted or is
/// over.
pub async fn closure(app: &App, mess: &Mess, mail: &ClosureMail) -> Result<Option<Mail>, Error> {
    let Some(closure) = app.store.closure_get(&mess.mess_id, mail.closure_id).await? else {
        return Ok(None);
    };
    if has_ended(mess, &closure.open(), app.clock.now()) {
        return Ok(None);
    }
    let Some((name, email)) = addressee_if_any(app, mail.account_id).await? else {
        return Ok(None);
    };
    let days = days_in_words(closure.from, closure.to);
    let view = Closure {
        mess: mess.name.as_str(),
        name: &name,
        days: &days,
        meals: &meals_in_words(&closure.meals),
        reason: closure.reason.as_str(),
        app_url: app.mail().app_url.as_deref(),
    };
    let subject = format!("{} is closed {days}", mess.name);
    compose(&email, subject, &ClosureText(view), &ClosureHtml(view)).map(Some)
}

fn days_in_words(from: MealDate, to: MealDate) -> String {
    let day = |date: MealDate| date.civil().strftime("%A, %-d %B %Y").to_string();
    if from == to {
        format!("on {}", day(from))
    } else {
        format!("from {} to {}", day(from), day(to))
    }
}

fn meals_in_words(meals: &Meals) -> String {
    let word = |meal| match meal {
        Meal::Breakfast => "breakfast",
        Meal::Lunch => "lunch",
        Meal::Dinner => "dinner",
    };
    let words: Vec<&str> = meals.iter().map(word).collect();
    match words.as_slice() {
        [one] => format!("no {one}"),
        [one, other] => format!("no {one} and no {other}"),
        _ => "no meals".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_meals_are_written_in_words() {
        let date = |text| MealDate::parse(text).expect("a date");
        let meals =
            |meals: &[Meal]| meals_in_words(&Meals::try_from(meals.to_vec()).expect("some"));
        let one = days_in_words(date("2028-02-29"), date("2028-02-29"));
        assert_eq!(one, "on Tuesday, 29 February 2028");
        let some = days_in_words(date("2026-12-31"), date("2027-01-01"));
        assert_eq!(some, "from Thursday, 31 December 2026 to Friday, 1 January 2027");
        assert_eq!(meals(&[Meal::Dinner]), "no dinner");
        assert_eq!(meals(&[Meal::Dinner, Meal::Breakfast]), "no breakfast and no dinner");
        assert_eq!(meals(&Meal::ALL), "no meals");
    }
}
