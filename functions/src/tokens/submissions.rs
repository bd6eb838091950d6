//! `GET /student/submitted-tokens`: the student's submissions, newest first.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};

use super::view::SubmissionView;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "submissions",
    &["/student/submitted-tokens", "/student/submitted-tokens/"],
    Access::Student,
    handler!(submissions),
)
.summary("The student's submissions, newest first")
.answers_page(schema::<SubmissionView>);

async fn submissions(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let submissions = app.store.submissions_of(caller.session()?.account_id).await?;
    let (submissions, next) = page.cut(submissions, |submission| {
        Page::newest_first(submission.submitted_at, submission.submission_id)
    });
    let views: Vec<SubmissionView> = submissions.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
