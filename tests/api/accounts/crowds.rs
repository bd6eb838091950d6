//! Many people behind one IP address, for example a hostel's: those who succeed are not limited,
//! and a guesser among them gets no more than before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::one_time_code::one_time_code;

use super::rate_limits::{REDIS_PAUSE, ROUNDS, assert_limited, strict};
use super::{another_code, login, mailed_code, verify};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, Dice, TestApp};

/// The address of everybody here.
const HOSTEL: &str = "198.51.100.9";

const WRONG: &str = "rice and dal at night";

/// The next step of a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    SignUp,
    WrongCode,
    Resend,
    Code,
    WrongPassword,
    Login,
}

#[derive(Default, Clone)]
struct Student {
    registration_id: String,
    resends: u32,
}

/// Students who sign up, wait for the mail, type the code and log in.
struct Crowd {
    dice: Dice,
    students: Vec<Student>,
    /// When a student takes a step, in milliseconds from the start.
    plan: BinaryHeap<Reverse<(i64, usize, Step)>>,
    logged_in: usize,
    /// How many requests were refused with 429.
    limited: usize,
}

impl Crowd {
    /// `count` students who begin within `within_ms`. One in six mistypes the code once, one in ten
    /// has it sent again, one in ten mistypes the password once.
    fn new(count: usize, within_ms: u64) -> Self {
        let mut dice = Dice(0x0007_4A11_5EED);
        let begins = (0..count).map(|student| {
            Reverse((i64::try_from(dice.roll(within_ms)).expect("small"), student, Step::SignUp))
        });
        let plan = begins.collect();
        let students = vec![Student::default(); count];
        Self { dice, students, plan, logged_in: 0, limited: 0 }
    }

    fn call(&self, student: usize, step: Step) -> Call {
        let email = format!("student{student}@example.com");
        let Student { registration_id, resends } = &self.students[student];
        let code = || one_time_code(b"test-otp-key", registration_id, *resends);
        let call = match step {
            Step::SignUp => {
                Call::post("/sign-up", &json!({ "email": email, "password": PASSWORD }))
            }
            Step::WrongCode => verify(registration_id, another_code(&code())),
            Step::Resend => {
                let body = json!({ "registration_id": registration_id });
                Call::post("/sign-up/otp-resend", &body)
            }
            Step::Code => verify(registration_id, &code()),
            Step::WrongPassword => login(&email, WRONG),
            Step::Login => login(&email, PASSWORD),
        };
        call.sent_from(HOSTEL)
    }

    fn after(&mut self, ms: i64, student: usize, seconds: (u64, u64), step: Step) {
        let (from, to) = seconds;
        let wait_ms = from * 1_000 + self.dice.roll((to - from) * 1_000);
        self.plan.push(Reverse((ms + i64::try_from(wait_ms).expect("small"), student, step)));
    }

    /// Takes the answer to a step, and plans the next one. The mail takes 5 to 90 seconds.
    fn take(&mut self, ms: i64, student: usize, step: Step, answer: &Answer) {
        if answer.status == 429 {
            self.limited += 1;
            let wait_s: u64 = answer.header("retry-after").parse().expect("seconds");
            return self.after(ms, student, (wait_s, wait_s + 2), step);
        }
        let expected = match step {
            Step::SignUp | Step::Resend => 202,
            Step::WrongCode => 409,
            Step::Code => 201,
            Step::WrongPassword => 401,
            Step::Login => 200,
        };
        assert_eq!(answer.status, expected, "{step:?}: {}", answer.body);
        match step {
            Step::SignUp => {
                answer
                    .text("registration_id")
                    .clone_into(&mut self.students[student].registration_id);
                let next = if self.dice.roll(10) == 0 { Step::Resend } else { self.code_step() };
                self.after(ms, student, (5, 90), next);
            }
            Step::Resend => {
                self.students[student].resends += 1;
                let next = self.code_step();
                self.after(ms, student, (5, 90), next);
            }
            Step::WrongCode => self.after(ms, student, (2, 10), Step::Code),
            Step::Code => {
                let mistypes = self.dice.roll(10) == 0;
                let next = if mistypes { Step::WrongPassword } else { Step::Login };
                self.after(ms, student, (2, 10), next);
            }
            Step::WrongPassword => self.after(ms, student, (2, 10), Step::Login),
            Step::Login => self.logged_in += 1,
        }
    }

    fn code_step(&mut self) -> Step {
        if self.dice.roll(6) == 0 { Step::WrongCode } else { Step::Code }
    }

    /// Plays until everybody is logged in. `meanwhile` is called at the beginning of each second.
    async fn play(&mut self, test: &TestApp, mut meanwhile: impl AsyncFnMut()) {
        let start = test.now();
        let mut second = 0;
        while let Some(Reverse((ms, student, step))) = self.plan.pop() {
            while second * 1_000 <= ms {
                advance_to(test, start + SignedDuration::from_secs(second));
                meanwhile().await;
                second += 1;
            }
            advance_to(test, start + SignedDuration::from_millis(ms));
            let answer = test.send(self.call(student, step)).await;
            self.take(ms, student, step, &answer);
        }
    }
}

fn advance_to(test: &TestApp, at: jiff::Timestamp) {
    test.advance(at.duration_since(test.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_students_behind_one_address_get_in_within_ten_minutes() {
    let test = strict().await;
    let mut crowd = Crowd::new(300, 600_000);
    crowd.play(&test, async || {}).await;
    assert_eq!((crowd.logged_in, crowd.limited), (300, 0));
}

/// How many calls of a guesser are not refused with 429 in so many minutes. The guesser calls until
/// the refusal, and again when it says.
async fn guessed(test: &TestApp, minutes: i64, mut guess: impl FnMut() -> Call) -> usize {
    let end = test.now() + SignedDuration::from_mins(minutes);
    let mut passed = 0;
    while test.now() <= end {
        let answer = test.send(guess()).await;
        if answer.status == 429 {
            let wait_s: i64 = answer.header("retry-after").parse().expect("seconds");
            test.advance(SignedDuration::from_secs(wait_s));
        } else {
            passed += 1;
        }
    }
    passed
}

/// Asserts that a guesser's calls pass so often, at an address of its own in each round. A late
/// Redis lets calls pass uncounted; then another round is played.
async fn assert_guessed<C: FnMut() -> Call>(
    minutes: i64,
    expected: usize,
    mut round: impl FnMut(usize) -> C,
) {
    let test = strict().await;
    let mut last = 0;
    for number in 0..ROUNDS {
        last = guessed(&test, minutes, round(number)).await;
        if last == expected {
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("{last} calls in {minutes} minutes instead of {expected}");
}

fn from(number: usize) -> String {
    format!("203.0.113.{number}")
}

/// Before, 20 logins a minute were allowed: 20 at once, and 200 in ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_compares_220_passwords_in_ten_minutes() {
    assert_guessed(10, 220, |round| {
        let mut number = 0;
        move || {
            number += 1;
            login(&format!("name{number}"), WRONG).sent_from(&from(round))
        }
    })
    .await;
}

/// Before: 20 at once, and 1,200 in an hour. These fail before a password is compared, and count as
/// one that was.
#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_fails_at_1220_logins_in_an_hour() {
    assert_guessed(60, 1_220, |round| {
        move || Call::post("/login", &json!({})).sent_from(&from(round))
    })
    .await;
}

/// Before, 10 codes a minute were allowed: 10 at once, and 100 in ten minutes, 600 in an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_tries_110_codes_in_ten_minutes_and_610_in_an_hour() {
    for (minutes, expected) in [(10, 110), (60, 610)] {
        for path in ["/sign-up/otp-verify", "/password-reset/confirm"] {
            let body = json!({
                "email": "asha@example.com", "otp": "123456", "new_password": PASSWORD,
            });
            let mut body = body.as_object().expect("an object").clone();
            if path == "/sign-up/otp-verify" {
                body.remove("new_password");
            }
            let body = serde_json::Value::Object(body);
            assert_guessed(minutes, expected, |round| {
                let body = body.clone();
                move || Call::post(path, &body).sent_from(&from(round))
            })
            .await;
        }
    }
}

/// Before, 10 a minute were allowed: 610 in an hour, as now. They may come faster: in ten minutes
/// 185 instead of 110. Sign-ups have the same rate.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_starts_610_resets_in_an_hour() {
    for (minutes, expected) in [(10, 185), (60, 610)] {
        assert_guessed(minutes, expected, |round| {
            let mut number = 0;
            move || {
                number += 1;
                let body = json!({ "email": format!("name{number}@example.com") });
                Call::post("/password-reset", &body).sent_from(&from(round))
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn students_do_not_notice_a_guesser_at_half_the_limit() {
    let test = strict().await;
    let mut crowd = Crowd::new(40, 300_000);
    let mut second = 0;
    crowd
        .play(&test, async || {
            for (path, every_s) in [("/login", 6), ("/sign-up/otp-verify", 12)] {
                if second % every_s == 0 {
                    let guess = Call::post(path, &json!({})).sent_from(HOSTEL);
                    assert_eq!(test.send(guess).await.status, 422);
                }
            }
            second += 1;
        })
        .await;
    assert_eq!((crowd.logged_in, crowd.limited), (40, 0));
}

/// As before: who never pauses leaves no failures to the address, and a login might be one.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_guesser_who_never_pauses_a_login_must_wait() {
    let test = strict().await;
    test.student("asha@example.com").await;
    let log_in = || login("asha@example.com", PASSWORD).sent_from(HOSTEL);
    for _ in 0..ROUNDS {
        fill(&test, |_| Call::post("/login", &json!({})).sent_from(HOSTEL)).await;
        let answer = test.send(log_in()).await;
        if answer.status == 429 {
            assert_limited(&answer, 3);
            test.advance(SignedDuration::from_secs(3));
            test.send(log_in()).await.expect(200);
            // The success has left its place to the next one.
            test.send(log_in()).await.expect(200);
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("the guesser is not limited");
}

/// As if so many logins had come from the hostel in this instant. Redis forgets by its own clock,
/// so the real ones, each of which hashes a password, might take too long.
fn count_requests(test: &TestApp, count: i64) {
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    let key = format!("thali:test:charged:login:{HOSTEL}");
    let empty_at_ms = test.now().as_millisecond() + count * 60_000 / 300;
    let set = redis::cmd("HSET").arg(&key).arg("all").arg(empty_at_ms).exec(&mut connection);
    set.expect("it is set");
    let kept = redis::cmd("PEXPIRE").arg(&key).arg(60_000).exec(&mut connection);
    kept.expect("it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_logins_pass_up_to_three_hundred_a_minute() {
    let test = strict().await;
    test.student("asha@example.com").await;
    let log_in = || login("asha@example.com", PASSWORD).sent_from(HOSTEL);
    for _ in 0..30 {
        test.send(log_in()).await.expect(200);
    }
    for _ in 0..ROUNDS {
        count_requests(&test, 298);
        if fill(&test, |_| log_in()).await == 2 {
            assert_limited(&test.send(log_in()).await, 1);
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("more than 300 pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_wrong_logins_from_one_address_compares_twenty() {
    let test = std::sync::Arc::new(strict().await);
    for round in 0..ROUNDS {
        let call = |number: usize| login(&format!("name{number}"), WRONG).sent_from(&from(round));
        let answers = test.send_together((0..60).map(call).collect()).await;
        let compared = answers.iter().filter(|answer| answer.status == 401).count();
        if compared == 20 {
            return;
        }
        test.advance(SignedDuration::from_mins(15));
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("more than twenty are compared in every round");
}

/// Where Redis is late, requests pass or wait without it, so several crowds may try.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_students_who_press_the_button_together_all_get_in() {
    let test = std::sync::Arc::new(strict().await);
    for round in 0..ROUNDS {
        if all_get_in_together(&test, round).await {
            return;
        }
        test.advance(SignedDuration::from_mins(15));
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("somebody is refused in every round");
}

/// Whether thirty students sign up, verify their codes and log in, all at once each time.
async fn all_get_in_together(test: &std::sync::Arc<TestApp>, round: usize) -> bool {
    let address = |number: usize| format!("student{round}-{number}@example.com");
    let sign_up = |number: usize| {
        let body = json!({ "email": address(number), "password": PASSWORD });
        Call::post("/sign-up", &body).sent_from(&from(round))
    };
    let signed_up = test.send_together((0..30).map(sign_up).collect()).await;
    if signed_up.iter().any(|answer| answer.status == 429) {
        return false;
    }
    let ids = signed_up.into_iter().map(|it| it.expect(202).text("registration_id").to_owned());
    let code =
        |id: String| verify(&id, &one_time_code(b"test-otp-key", &id, 0)).sent_from(&from(round));
    let verified = test.send_together(ids.map(code).collect()).await;
    let log_in = |number: usize| login(&address(number), PASSWORD).sent_from(&from(round));
    let logged_in = test.send_together((0..30).map(log_in).collect()).await;
    verified.iter().all(|it| it.status == 201) && logged_in.iter().all(|it| it.status == 200)
}

/// Fills the address's places for unfinished requests, and returns the first refusal.
async fn fill(test: &TestApp, call: impl Fn(usize) -> Call) -> usize {
    for number in 0..1_000 {
        if test.send(call(number)).await.status == 429 {
            return number;
        }
    }
    panic!("there is no limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_sign_up_or_reset_gives_its_place_back() {
    let test = strict().await;
    test.student("asha@example.com").await;
    test.settle().await;
    let reset =
        |email: &str| Call::post("/password-reset", &json!({ "email": email })).sent_from(HOSTEL);
    test.send(reset("asha@example.com")).await.expect(202);
    let code = mailed_code(&test, "asha@example.com").await;
    let others = |number: usize| reset(&format!("nobody{number}@example.com"));
    assert!(fill(&test, others).await >= 99);
    let body = json!({
        "email": "asha@example.com", "otp": code, "new_password": "curd rice with pickle",
    });
    let confirm = Call::post("/password-reset/confirm", &body).sent_from(HOSTEL);
    test.send(confirm).await.expect(204);
    test.send(others(2_000)).await.expect(202);
    assert_limited(&test.send(others(2_001)).await, 8);

    let sign_up = |number: usize| {
        let body = json!({ "email": format!("new{number}@example.com"), "password": PASSWORD });
        Call::post("/sign-up", &body).sent_from(HOSTEL)
    };
    let own = test.send(sign_up(5_000)).await.expect(202);
    let code = mailed_code(&test, "new5000@example.com").await;
    assert!(fill(&test, sign_up).await >= 99);
    // The place is the one of the sign-up's address, wherever the code is typed.
    let elsewhere = verify(own.text("registration_id"), &code).sent_from(&from(1));
    test.send(elsewhere).await.expect(201);
    test.send(sign_up(5_001)).await.expect(202);
    assert_limited(&test.send(sign_up(5_002)).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_take_no_place_of_the_unfinished() {
    let test = strict().await;
    let refused = || {
        let body = json!({ "email": "a@example.com", "mess_id": "mess_nowhere" });
        Call::post("/password-reset", &body).sent_from(HOSTEL)
    };
    for _ in 0..5 {
        for _ in 0..10 {
            test.send(refused()).await.expect(404);
        }
        test.advance(SignedDuration::from_mins(1));
    }
    let reset = |number: usize| {
        let body = json!({ "email": format!("new{number}@example.com") });
        Call::post("/password-reset", &body).sent_from(HOSTEL)
    };
    for number in 0..100 {
        test.send(reset(number)).await.expect(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_of_one_ipv6_network_share_their_limits() {
    let test = strict().await;
    for round in 0..ROUNDS {
        let call = |host: usize| {
            Call::post("/login", &json!({})).sent_from(&format!("2001:db8:0:{round}::{host:x}"))
        };
        let passed = fill(&test, call).await;
        if passed == 20 {
            let other = Call::post("/login", &json!({})).sent_from("2001:db8:1::1");
            assert_eq!(test.send(other).await.status, 422);
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("more than twenty pass in every round");
}
