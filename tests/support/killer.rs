//! Processes that die at one of their requests to `DynamoDB`: before it is sent, or after it was
//! carried out and before its response arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use thali_platform::app::App;

use super::app::TestApp;

/// When a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Before this request, counted from 0, is sent.
    Before(u32),
    /// After this request was carried out, before its response arrives.
    After(u32),
}

/// An interceptor that simulates the death of a process: no later request is sent.
#[derive(Debug, Clone)]
struct Killer {
    death: Death,
    sent: Arc<AtomicU32>,
}

impl Killer {
    fn die() -> Result<(), BoxError> {
        Err("the process is dead".into())
    }
}

impl Intercept for Killer {
    fn name(&self) -> &'static str {
        "the death of a process"
    }

    fn modify_before_transmit(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        match self.death {
            Death::Before(fatal) if number >= fatal => Self::die(),
            Death::After(fatal) if number > fatal => Self::die(),
            _ => Ok(()),
        }
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // If requests are concurrent, the first response after the fatal request was sent is
        // lost too.
        match self.death {
            Death::After(fatal) if self.sent.load(Ordering::SeqCst) > fatal => Self::die(),
            _ => Ok(()),
        }
    }
}

/// A process that may die, and whether it did.
pub struct DyingProcess {
    pub app: App,
    death: Death,
    sent: Arc<AtomicU32>,
}

impl DyingProcess {
    /// Whether the process reached its death.
    pub fn is_dead(&self) -> bool {
        let (Death::Before(fatal) | Death::After(fatal)) = self.death;
        self.sent.load(Ordering::SeqCst) > fatal
    }
}

impl TestApp {
    /// A process on the same tables that dies as `death` says.
    pub fn dying_process(&self, death: Death) -> DyingProcess {
        let sent = Arc::new(AtomicU32::new(0));
        let killer = Killer { death, sent: Arc::clone(&sent) };
        let client = self.dynamo.client();
        let config = client.config().to_builder().interceptor(killer).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let app = self.process_with(|backends| backends.dynamodb = client);
        DyingProcess { app, death, sent }
    }
}
