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

/// Restart a service; if that fails in any way, still try to start it.
///
/// # Errors
/// When the restart failed. The message says whether the service was at least started after it.
pub async fn restart(service: Arc<dyn Service>) -> Result<(), ServiceError> {
    let guard = KeepStarted::new(Arc::clone(&service));
    let Err(failed) = service.restart().await else {
        guard.settle();
        return Ok(());
    };
    let ServiceError { message, hint } = failed;
    let after = match guard.start().await {
        Ok(()) => "; it was started after that".to_owned(),
        Err(error) => format!("; and starting it failed too: {error}"),
    };
    Err(ServiceError { message: message + &after, hint })
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
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    #[derive(Default)]
    struct Recorder {
        calls: Mutex<Vec<&'static str>>,
        refuse: Option<&'static str>,
        hang: bool,
    }

    impl Recorder {
        fn call(&self, name: &'static str) -> Result<(), ServiceError> {
            self.calls.lock().unwrap().push(name);
            let refused = || ServiceError { message: format!("{name} refused"), hint: None };
            if self.refuse == Some(name) { Err(refused()) } else { Ok(()) }
        }

        fn calls(&self) -> Vec<&'static str> {
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

        async fn stop(&self) -> Result<(), ServiceError> {
            self.call("stop")
        }
    }

    #[tokio::test]
    async fn a_good_restart_is_all_there_is() {
        let service = Arc::new(Recorder::default());
        restart(service.clone()).await.unwrap();
        assert_eq!(service.calls(), ["restart"]);
    }

    #[tokio::test]
    async fn a_failed_restart_is_followed_by_a_start() {
        let service = Arc::new(Recorder { refuse: Some("restart"), ..Recorder::default() });
        let failed = restart(service.clone()).await.unwrap_err();
        assert_eq!(failed.to_string(), "restart refused; it was started after that");
        assert_eq!(service.calls(), ["restart", "start"]);
    }

    #[tokio::test]
    async fn an_interrupted_restart_is_followed_by_a_start() {
        let service = Arc::new(Recorder { hang: true, ..Recorder::default() });
        let interrupt = tokio::time::sleep(std::time::Duration::from_millis(20));
        tokio::select! {
            _ = restart(service.clone()) => panic!("it hangs"),
            () = interrupt => {}
        }
        assert_eq!(service.calls(), ["start"]);
    }

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
