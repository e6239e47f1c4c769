//! A service for tests.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::engine::ports::{Service, ServiceError};

/// A service that writes down what is asked of it.
#[derive(Default)]
pub(in crate::engine) struct Recorder {
    pub(in crate::engine) calls: Mutex<Vec<&'static str>>,
    pub(in crate::engine) refuse: Option<&'static str>,
    pub(in crate::engine) hang: bool,
}

impl Recorder {
    fn call(&self, name: &'static str) -> Result<(), ServiceError> {
        self.calls.lock().unwrap().push(name);
        let refused = || ServiceError { message: format!("{name} refused"), hint: None };
        if self.refuse == Some(name) { Err(refused()) } else { Ok(()) }
    }

    pub(in crate::engine) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Service for Recorder {
    fn describe(&self) -> String {
        "exec:recorder".into()
    }

    async fn restart(&self) -> Result<(), ServiceError> {
        if self.hang {
            std::future::pending::<()>().await;
        }
        self.call("restart")
    }

    async fn start(&self) -> Result<(), ServiceError> {
        // A timer needs a runtime that runs: the guard must bring its own.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.call("start")
    }
}
