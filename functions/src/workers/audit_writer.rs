//! `audit-writer`: writes the audit trail.

use thali_platform::app::App;
use thali_platform::store::AuditRecord;
use thali_platform::worker::{Consumer, MessageFuture};

pub static CONSUMER: Consumer =
    Consumer { name: "audit-writer", parts: &[], handle: |app, body| write(app, body) };

fn write<'a>(app: &'a App, body: &'a str) -> MessageFuture<'a> {
    Box::pin(async move {
        let record: AuditRecord = serde_json::from_str(body)?;
        Ok(app.store.audit_put(&record).await?)
    })
}
