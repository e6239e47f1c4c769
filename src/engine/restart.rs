//! Restarting the daemon, and waiting until it answers again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::keep_started::KeepStarted;
use super::ports::{RequestError, Service, ServiceError};

/// How long to wait between two questions to a daemon that does not answer yet.
const PAUSE: Duration = Duration::from_millis(100);

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

/// Restart a service and ask until the daemon answers, for so long at most; how long it was away, or
/// was not seen to be there.
///
/// `ask` is the question: `GET /v2/` of the daemon, or of each replica.
///
/// # Errors
/// When the restart failed, or the daemon did not answer in time.
pub async fn restart_and_wait(
    service: Arc<dyn Service>,
    ask: impl AsyncFn() -> Result<(), RequestError>,
    patience: Duration,
) -> Result<Duration, ServiceError> {
    let name = service.describe();
    let began = Instant::now();
    restart(service).await?;
    loop {
        let Err(error) = ask().await else { return Ok(began.elapsed()) };
        tracing::debug!(service = %name, %error, "not answering yet");
        if began.elapsed() >= patience {
            let message = format!("`{name}` was restarted, but does not answer after {patience:?}: {error}");
            return Err(ServiceError { message, hint: Some("look at the daemon's own log".into()) });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
#[path = "recorder.rs"]
pub(super) mod recorder;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::recorder::Recorder;
    use super::*;

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

    async fn waited(answers_after: u32, patience: Duration) -> Result<u32, String> {
        let asked = AtomicU32::new(0);
        let ask = async || {
            let refused = || RequestError::new("GET", "http://h/v2/", "connection refused");
            if asked.fetch_add(1, Ordering::Relaxed) < answers_after { Err(refused()) } else { Ok(()) }
        };
        let waited = restart_and_wait(Arc::new(Recorder::default()), ask, patience).await;
        waited.map(|_| asked.into_inner()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_daemon_is_asked_until_it_answers() {
        assert_eq!(waited(2, Duration::from_secs(10)).await, Ok(3));
        let message = "`exec:recorder` was restarted, but does not answer after 50ms: GET http://h/v2/: connection refused";
        assert_eq!(waited(1000, Duration::from_millis(50)).await, Err(message.into()));
    }
}
