//! A service that we stopped is started again, whatever happens.

use std::sync::Arc;

use super::ports::{Service, ServiceError};

/// Starts a service when it is dropped, unless [`KeepStarted::settle`] was called: also when the future
/// that holds it is dropped because of Ctrl-C, and when a panic unwinds through it.
pub struct KeepStarted {
    service: Arc<dyn Service>,
    settled: bool,
}

impl KeepStarted {
    /// Watch over this service, before anything is done that may stop it.
    #[must_use]
    pub fn new(service: Arc<dyn Service>) -> Self {
        Self { service, settled: false }
    }

    /// The service runs, or its manager will see to it: nothing is left to do.
    pub fn settle(mut self) {
        self.settled = true;
    }

    /// Start the service now, and be done.
    ///
    /// # Errors
    /// When it cannot be started; the drop does not try again.
    pub async fn start(mut self) -> Result<(), ServiceError> {
        let started = self.service.start().await;
        self.settled = true;
        started
    }
}

impl Drop for KeepStarted {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let name = self.service.describe();
        tracing::warn!(service = %name, "interrupted while the service may be stopped: starting it");
        match start_from_anywhere(&self.service) {
            Ok(()) => tracing::info!(service = %name, "started"),
            Err(error) => tracing::error!(service = %name, %error, "the service could not be started"),
        }
    }
}

/// Start it from a place that is not asynchronous, and where no runtime may be left: on a thread with one of
/// its own.
fn start_from_anywhere(service: &Arc<dyn Service>) -> Result<(), ServiceError> {
    let service = Arc::clone(service);
    let failed = |message: &str| ServiceError { message: message.to_owned(), hint: None };
    let start = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&format!("no runtime to start it from: {error}")))?;
        runtime.block_on(service.start())
    };
    let thread = std::thread::Builder::new().name("keep-started".into()).spawn(start);
    let thread = thread.map_err(|error| failed(&format!("no thread to start it from: {error}")))?;
    thread.join().unwrap_or_else(|_| Err(failed("the attempt to start it panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::restart::recorder::Recorder;

    #[test]
    fn a_panic_starts_the_service() {
        let service = Arc::new(Recorder::default());
        let other = service.clone();
        let panicked = std::thread::spawn(move || {
            let _guard = KeepStarted::new(other);
            panic!("as planned");
        });
        assert!(panicked.join().is_err());
        assert_eq!(service.calls(), ["start"]);
    }
}
