//! `regfsck verify`

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::connection::ConnectionArguments;
use super::output::{ProgressArguments, ResultArguments};
use super::target::{ConfigArguments, DaemonArguments};
use super::values::{duration, platform};

/// `regfsck verify`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck verify registry.example:5000/team/app:1.2
  regfsck verify --registry http://127.0.0.1:5000 team/app:1.2 team/app@sha256:…
  regfsck verify --images images.txt --content --wait 30s")]
pub struct VerifyCommand {
    /// The images, as docker takes them: `HOST[:PORT]/NAME[:TAG|@DIGEST]`
    ///
    /// With --registry `NAME[:TAG|@DIGEST]`.
    #[arg(value_name = "IMAGE", required_unless_present = "images")]
    pub image: Vec<String>,
    /// Read images from this file as well, one a line; - is stdin
    #[arg(long, env = "REGFSCK_IMAGES", value_name = "FILE|-", help_heading = "Verify")]
    pub images: Option<PathBuf>,
    /// Only this platform of images that have several; repeatable
    #[arg(long, env = "REGFSCK_PLATFORM", value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',', value_parser = platform, help_heading = "Verify")]
    pub platform: Vec<String>,
    /// Verify what is attached to the images, too: signatures, SBOMs, attestations
    #[arg(long, env = "REGFSCK_REFERRERS", help_heading = "Verify")]
    pub referrers: bool,
    /// Fetch all bytes and hash them, not only the last of each blob
    #[arg(long, env = "REGFSCK_CONTENT", help_heading = "Verify")]
    pub content: bool,
    /// Look again for so long at what is not right yet
    #[arg(long, env = "REGFSCK_WAIT", value_name = "DURATION", default_value = "0", value_parser = duration, help_heading = "Verify")]
    pub wait: SignedDuration,
    /// What tells the registry, where the images do not.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// The registry, where the images do not name it.
    #[command(flatten)]
    pub daemons: DaemonArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// The report.
    #[command(flatten)]
    pub result: ResultArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}
