//! When the daemons started.

use async_trait::async_trait;

use crate::domain::start::Start;

/// When the daemons that are asked started, as far as that can be known.
#[async_trait]
pub trait Starts: Send + Sync {
    /// The oldest start of all of them: what was gone before it, none of them can remember. It is asked anew each time,
    /// for a daemon may have been restarted meanwhile.
    ///
    /// # Errors
    /// When it is not known of one of them; why.
    async fn oldest(&self) -> Result<Start, Box<str>>;
}
