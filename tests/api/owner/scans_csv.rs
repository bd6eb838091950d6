//! The CSV file of scans: each scan is one row, and each page has a bounded size.

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::Name;
use thali_domain::ids::AccountId;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::staff::plates::{Diner, Plate, Scan};
use thali_domain::staff::refusals::Refusal;
use thali_functions::owner::scans_csv::ENDPOINT;
use ulid::Ulid;

use crate::support::mess::sitting;
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const HEADER: &str = "\u{feff}date,meal,scanned_at,arrived_at,result,reason,name,roll_no,room_no,\
                      account_id,device,offline,undone_at,scan_id,manual,overridden,override_reason\r\n";

/// Lambda limits a response to 6 MB. Half of that leaves room for JSON escapes.
const PAGE_BYTES_MAX: usize = 3_000_000;

fn path(from: &str, to: &str) -> String {
    format!("{}?from={from}&to={to}", ENDPOINT.paths[0])
}

/// The path of the next page, if there is one.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link");
    let address = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"");
    Some(address.expect("RFC 8288's format").to_owned())
}

/// A page of the file, and the path of the next page.
async fn page(test: &TestApp, owner: &Student, path: &str) -> (String, Option<String>) {
    let answer = test.read(owner, path).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let next = next(&answer);
    (String::from_utf8(answer.bytes).expect("text"), next)
}

/// All pages of the file.
async fn pages(test: &TestApp, owner: &Student, from: &str, to: &str) -> Vec<String> {
    let (mut pages, mut next) = (Vec::new(), Some(path(from, to)));
    while let Some(address) = next {
        let (page, after) = page(test, owner, &address).await;
        pages.push(page);
        next = after;
        assert!(pages.len() < 1_000, "it ends");
    }
    pages
}

fn diner(number: u128, name: &str) -> Diner {
    Diner {
        account_id: AccountId::from_ulid(Ulid(number)),
        name: Name::parse(name).expect("a name"),
        roll_no: None,
        room_no: None,
    }
}

/// The expected row, formatted here a second time.
fn row(sitting: Sitting, scan: &Scan, local: &str, result: &str, who: &str) -> String {
    let Sitting { date, meal } = sitting;
    let Scan { scan_id, device, offline, .. } = scan;
    let meal = meal.as_str();
    format!(
        "{date},{meal},{local},{local},{result},{who},{device},{offline},,{scan_id},false,,\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scan_is_a_row_with_local_times_of_the_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let dinner = json!({ "meal_windows": { "DINNER": { "opens": "22:00", "closes": "01:00" } } });
    test.send(Call::patch("/api/v1/mess", &dinner).bearer(&owner.token)).await.expect(200);
    let (asha, ravi) = (diner(1, "आशा, \"the first\""), diner(2, "＝Ravi;=1"));
    let (lunch, dinner) = (sitting("2026-01-14", Meal::Lunch), sitting("2026-01-14", Meal::Dinner));

    // Asha is admitted, the scan is undone, and she is admitted again. A third scan is refused.
    let mut undone = test.scan(lunch, Some(&asha), "2026-01-14T07:30:00Z");
    undone.undone_at = Some("2026-01-14T07:31:00Z".parse().expect("a time"));
    let again = test.scan(lunch, Some(&asha), "2026-01-14T07:32:00Z");
    let mut thrice = test.scan(lunch, Some(&asha), "2026-01-14T07:33:00Z");
    thrice.device = "-Side gate".to_owned();
    thrice.offline = true;
    thrice.arrived_at += SignedDuration::from_hours(1);
    // A QR code with an invalid signature, and a dinner scan after midnight.
    let mut stray = test.scan(lunch, None, "2026-01-14T07:40:00Z");
    stray.refused = Some(Refusal::InvalidSignature);
    let late = test.scan(dinner, Some(&ravi), "2026-01-14T19:15:30Z");
    let mut cut = test.scan(dinner, Some(&asha), "2026-01-14T17:00:00Z");
    cut.refused = Some(Refusal::MessCut);
    let scans = [undone.clone(), again.clone(), thrice.clone()];
    test.give_plates(&[
        test.plate(dinner, Some(&ravi), std::slice::from_ref(&late)),
        test.plate(dinner, Some(&asha), std::slice::from_ref(&cut)),
        test.plate(lunch, None, std::slice::from_ref(&stray)),
        test.plate(lunch, Some(&asha), &scans),
    ])
    .await;

    let (file, next) = page(&test, &owner, &path("2026-01-14", "2026-01-14")).await;
    assert_eq!(next, None);
    let who = format!("\"आशा, \"\"the first\"\"\",,,{}", asha.account_id);
    let expected = [
        HEADER.to_owned(),
        row(lunch, &stray, "2026-01-14T13:10:00+05:30", "refused,invalid_signature", ",,,"),
        format!(
            "2026-01-14,LUNCH,2026-01-14T13:00:00+05:30,2026-01-14T13:00:00+05:30,admitted,,{who},\
             Gate,false,2026-01-14T13:01:00+05:30,{},false,,\r\n",
            undone.scan_id
        ),
        row(lunch, &again, "2026-01-14T13:02:00+05:30", "admitted,", &who),
        format!(
            "2026-01-14,LUNCH,2026-01-14T13:03:00+05:30,2026-01-14T14:03:00+05:30,refused,\
             already_scanned,{who},'-Side gate,true,,{},false,,\r\n",
            thrice.scan_id
        ),
        row(dinner, &cut, "2026-01-14T22:30:00+05:30", "refused,mess_cut", &who),
        row(
            dinner,
            &late,
            "2026-01-15T00:45:30+05:30",
            "admitted,",
            &format!("'＝Ravi;'=1,,,{}", ravi.account_id),
        ),
    ];
    assert_eq!(file, expected.concat());
    // A dinner scan after midnight belongs to the day on which dinner opened.
    let (file, _) = page(&test, &owner, &path("2026-01-15", "2026-01-15")).await;
    assert_eq!(file, HEADER);
}

/// A year of lunches. At each lunch, each student has three refused scans and one admitted
/// scan. One lunch has 1,700 students, every other lunch has eight.
fn year(test: &TestApp) -> (Vec<Plate>, String) {
    let mut plates = Vec::new();
    let mut expected = HEADER.to_owned();
    let first = sitting("2025-02-01", Meal::Lunch);
    for day in 0..365 {
        let sitting = Sitting { date: first.date.plus_days(day), ..first };
        let students = if day == 200 { 1_700 } else { 8 };
        for number in 1..=students {
            let diner = diner(number, "Asha");
            let mut scans = Vec::new();
            for minute in 0..4 {
                let at = format!("{}T07:{:02}:00Z", sitting.date, 30 + minute);
                let mut scan = test.scan(sitting, Some(&diner), &at);
                scan.refused = (minute < 3).then_some(Refusal::NoActiveCycle);
                let result = if minute < 3 { "refused,no_active_cycle" } else { "admitted," };
                let local = format!("{}T13:{minute:02}:00+05:30", sitting.date);
                let who = format!("Asha,,,{}", diner.account_id);
                expected += &row(sitting, &scan, &local, result, &who);
                scans.push(scan);
            }
            plates.push(test.plate(sitting, Some(&diner), &scans));
        }
    }
    (plates, expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn bounded_pages_of_a_year_together_make_the_whole_file() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (plates, expected) = year(&test);
    test.give_plates(&plates).await;
    let meter = test.meter();
    let mut file = String::new();
    let (mut largest, mut most_rows, mut most_requests, mut count) = (0, 0, 0, 0);
    let mut address = Some(path("2025-02-01", "2026-01-31"));
    while let Some(next) = address {
        let (page, after) = page(&test, &owner, &next).await;
        let requests = meter.take().requests;
        largest = largest.max(page.len());
        most_rows = most_rows.max(page.lines().count());
        most_requests = most_requests.max(requests);
        count += 1;
        file += &page;
        address = after;
    }
    println!(
        "{} rows on {count} pages: at most {largest} bytes, {most_rows} rows and \
         {most_requests} requests each",
        file.lines().count()
    );
    assert_eq!(file, expected, "the pages make the file");
    assert!(largest < PAGE_BYTES_MAX && most_rows <= 5_000 + 2_000, "{largest} {most_rows}");
    // Ninety meals, some of them read in several parts, and the mess.
    assert!(most_requests <= 110, "{most_requests}");
    assert!(count >= 365 * 3 / 90, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_without_scans_is_a_few_empty_pages() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let pages = pages(&test, &owner, "2026-01-01", "2027-01-01").await;
    assert_eq!(pages.concat(), HEADER);
    assert_eq!(pages.len(), (366 * 3_usize).div_ceil(90));
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_between_two_page_requests_neither_repeat_nor_hide_rows() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let lunch = sitting("2026-01-14", Meal::Lunch);
    let of = |number: u128| {
        let diner = diner(number, "Asha");
        let scan = |()| test.scan(lunch, Some(&diner), "2026-01-14T07:30:00Z");
        test.plate(lunch, Some(&diner), &[(); 4].map(scan))
    };
    let plates: Vec<Plate> = (0..1_600).map(|number| of(2 * number + 2)).collect();
    test.give_plates(&plates).await;
    let (first, next) = page(&test, &owner, &path("2026-01-14", "2026-01-14")).await;
    let rows_of_first = first.lines().count() - 1;
    assert!((5_000..=6_000).contains(&rows_of_first), "{rows_of_first}");
    // One new student sorts before the end of the first page, and one after it.
    test.give_plates(&[of(3), of(3_101)]).await;
    let (second, last) = page(&test, &owner, &next.expect("there is more")).await;
    assert_eq!((second.lines().count(), last), (4 * 1_601 - rows_of_first, None));
    let rows: std::collections::BTreeSet<&str> = first.lines().chain(second.lines()).collect();
    assert_eq!(rows.len(), 1 + 4 * 1_601);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_dates_and_cursors_are_refused_by_field_name() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let base = ENDPOINT.paths[0];
    let outside = Call::get(base);
    let cursor = thali_platform::http::Page::cursor;
    let days = path("2026-01-14", "2026-01-15");
    for (path, wrong) in [
        (outside.path().to_owned(), vec!["from", "to"]),
        (format!("{base}?from=2026-01-14"), vec!["to"]),
        (format!("{base}?from=yesterday&to=2026-01-14"), vec!["from"]),
        (path("2026-01-14", "2026-01-13"), vec!["to"]),
        (path("2026-01-14", "2027-01-15"), vec!["to"]),
        (format!("{days}&limit=5"), vec!["limit"]),
        (format!("{days}&cursor=x!"), vec!["cursor"]),
        (format!("{days}&cursor={}", cursor("2026-01-13#LUNCH#")), vec!["cursor"]),
        (format!("{days}&cursor={}", cursor("2026-01-14#LUNCH#mess_other")), vec!["cursor"]),
    ] {
        assert_eq!(test.read(&owner, &path).await.wrong_fields(), wrong, "{path}");
    }
    test.read(&owner, &path("2026-01-14", "2027-01-14")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_holds_only_scans_of_the_owners_mess() {
    let test = TestApp::start().await;
    let lunch = sitting("2026-01-14", Meal::Lunch);
    let asha = test.diner("asha").await;
    let scan = test.scan(lunch, Some(&asha), "2026-01-14T07:30:00Z");
    test.give_plates(&[test.plate(lunch, Some(&asha), &[scan])]).await;
    let stranger = test.stranger().await;
    let theirs = pages(&test, &stranger, "2026-01-14", "2026-01-14").await;
    assert_eq!(theirs, [HEADER]);
    let owner = test.owner("owner@example.com").await;
    let ours = pages(&test, &owner, "2026-01-14", "2026-01-14").await;
    assert_eq!(ours.concat().lines().count(), 2);
}
