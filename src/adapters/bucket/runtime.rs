//! The threads on which requests to stores are under way.
//!
//! Storage is looked at from threads that may block, whoever they belong to, and also where the program's own runtime has
//! ended already. So requests have a runtime to themselves, which lasts as long as the process.

use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

use super::fault::StoreFault;

fn runtime() -> Result<&'static Runtime, StoreFault> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let start = || {
        let made = Builder::new_multi_thread().worker_threads(2).thread_name("stores").enable_all().build();
        made.map_err(|error| error.to_string())
    };
    let failed = |said: &String| StoreFault::Passing { asked: "starting threads".into(), said: said.clone() };
    RUNTIME.get_or_init(start).as_ref().map_err(failed)
}

/// Wait for what is done on those threads.
pub(super) fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreFault>> + Send + 'static,
) -> Result<T, StoreFault> {
    let (done, result) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        let _ = done.send(work.await);
    });
    let broken =
        |_| StoreFault::Passing { asked: "a request".into(), said: "it ended without an answer".into() };
    result.recv().map_err(broken)?
}

/// Begin what tells its results by itself.
pub(super) fn start(work: impl Future<Output = ()> + Send + 'static) -> Result<(), StoreFault> {
    runtime()?.spawn(work);
    Ok(())
}
