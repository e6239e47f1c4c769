//! The incident, told while it happens on the embedded registry.
//!
//! Push, DELETE, garbage collection, push again, failing pull; then the check that any user runs, a repair from a
//! mirror, and a pull that works. Nothing is faked but the daemon's size: client and registry speak HTTP on loopback,
//! and the client does what docker does.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::adapters::sandbox::client::{DockerLike, Pushed};
use crate::adapters::sandbox::image::Image;
use crate::adapters::sandbox::{self, Flavour, Sandbox, garbage_collect};
use crate::cli::args::demo::DemoCommand;
use crate::report::words::quoted;

/// The image that is lost, and one that is not.
const LOST: &str = "team/app";
const HEALTHY: &str = "team/web";
const TAG: &str = "1.0";

/// The demo's registry, as a check needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DemoTarget {
    /// The daemon, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// The storage's root directory.
    pub root: PathBuf,
    /// A configuration file of the registry's own form.
    pub config: PathBuf,
    /// Where a repair keeps its journal.
    pub state: PathBuf,
    /// What has the lost image, too, as a source.
    pub mirror: String,
}

/// What follows a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Repair,
}

/// Where the demo's files are; a temporary directory goes away with it.
enum Home {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Home {
    #[expect(clippy::disallowed_methods, reason = "the folder that the user named for the demo")]
    fn open(keep: Option<&PathBuf>) -> Result<Self> {
        let Some(folder) = keep else {
            return Ok(Self::Temporary(tempfile::tempdir().context("make a temporary directory")?));
        };
        std::fs::create_dir_all(folder).with_context(|| format!("make `{}`", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("open `{}`", folder.display()))?;
        let mut entries = folder.read_dir().with_context(|| format!("read `{}`", folder.display()))?;
        if entries.next().is_some() {
            bail!("`{}` is not empty: give --keep a new directory", folder.display());
        }
        Ok(Self::Kept(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

struct Demo<'a> {
    out: &'a mut dyn Write,
    sandbox: Sandbox,
    /// Up as long as the demo is.
    mirror: Sandbox,
    client: DockerLike,
    target: DemoTarget,
}

/// Runs the demo and tells it on `out`. `check` is run on the damaged registry, and again with what makes a repair of
/// it; it prints its report itself and returns its exit status.
///
/// # Errors
/// The directory cannot be used, no port is free, or `out` or `check` fail.
pub(super) async fn tell(
    options: DemoCommand,
    out: &mut dyn Write,
    mut check: impl AsyncFnMut(&DemoTarget, Then, &mut dyn Write) -> Result<u8>,
) -> Result<()> {
    let home = Home::open(options.keep.as_ref())?;
    let mut demo = Demo::start(options.flavour, home.path(), out)?;
    demo.introduce(options.flavour)?;
    demo.make_stale().await?;
    demo.push_again().await?;
    demo.check("What is wrong? Ask regfsck.", Then::Nothing, &mut check).await?;
    if options.serve {
        demo.serve(options.keep.is_some()).await?;
    } else {
        demo.check("A mirror has the image: take it from there.", Then::Repair, &mut check).await?;
        demo.conclude().await?;
    }
    demo.take_leave(&home)
}

/// The configuration that a daemon like this one would have.
fn configuration(sandbox: &Sandbox) -> String {
    format!(
        "# The registry of `regfsck demo`.\n\
         version: 0.1\n\
         storage:\n  \
           filesystem:\n    rootdirectory: {}\n  \
           delete:\n    enabled: true\n  \
           cache:\n    blobdescriptor: inmemory\n\
         http:\n  addr: {}\n",
        sandbox.root().display(),
        sandbox.address()
    )
}

impl<'a> Demo<'a> {
    #[expect(clippy::disallowed_methods, reason = "a file of the demo's own registry")]
    fn start(flavour: Flavour, home: &Path, out: &'a mut dyn Write) -> Result<Self> {
        let root = home.join("registry");
        let sandbox = Sandbox::start(sandbox::Options::new(&root, flavour)).context("start the sandbox")?;
        let config = home.join("config.yml");
        std::fs::write(&config, configuration(&sandbox))
            .with_context(|| format!("write `{}`", config.display()))?;
        let mirror = Sandbox::start(sandbox::Options::new(home.join("mirror"), flavour))
            .context("start the mirror")?;
        let (state, from) = (home.join("state"), format!("docker://{}", mirror.address()));
        let target = DemoTarget { url: sandbox.url(), root, config, state, mirror: from };
        let client = DockerLike::new(&target.url)?;
        Ok(Self { out, sandbox, mirror, client, target })
    }

    fn headline(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "\n== {text}\n")?)
    }

    fn command(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "$ {text}")?)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "{text}")?)
    }

    fn introduce(&mut self, flavour: Flavour) -> Result<()> {
        let version = match flavour {
            Flavour::V2 => "2.8",
            Flavour::V3_0 => "3.0",
            Flavour::V3 => "3.1",
            Flavour::Head => "3.1, and what comes after it",
        };
        let url = self.target.url.clone();
        self.say(&format!("A small registry that behaves like distribution {version} is up at\n{url}."))?;
        self.say("It stores files, caches what it knows of them in memory, and can delete.")
    }

    async fn make_stale(&mut self) -> Result<()> {
        let (lost, healthy) = (Image::two_layers(LOST)?, Image::two_layers(HEALTHY)?);
        self.headline("A build pushes two images, and all is well.")?;
        self.push(HEALTHY, &healthy).await?;
        self.push(LOST, &lost).await?;
        DockerLike::new(&self.mirror.url())?.push(LOST, TAG, &lost).await?;
        self.pull(LOST).await?;
        self.headline("A clean-up job deletes one, and garbage is collected.")?;
        let digest = lost.manifest.digest;
        self.command(&format!("curl -X DELETE .../v2/{LOST}/manifests/{}...", digest.short()))?;
        self.client.delete_manifest(LOST, &digest).await?;
        self.say("202 Accepted")?;
        self.command("registry garbage-collect -m config.yml")?;
        let log = garbage_collect(self.sandbox.root(), self.sandbox.flavour(), true, false);
        if let Some(failure) = log.failure {
            bail!(failure);
        }
        let summary = log.output.lines().find(|line| line.contains("blobs marked"));
        self.say(summary.unwrap_or_default())
    }

    async fn push_again(&mut self) -> Result<()> {
        self.headline("The next build pushes the same image again.")?;
        self.push(LOST, &Image::two_layers(LOST)?).await?;
        self.pull(LOST).await?;
        self.say("\nThe push succeeded and stored nothing: the daemon remembers the blobs that the")?;
        self.say("collector, another process, has deleted.")
    }

    async fn push(&mut self, repository: &str, image: &Image) -> Result<()> {
        self.command(&format!("docker push {repository}:{TAG}"))?;
        for (digest, pushed) in self.client.push(repository, TAG, image).await? {
            let what = match pushed {
                Pushed::AlreadyExists => "Layer already exists",
                Pushed::Uploaded => "Pushed",
            };
            if digest != image.config.digest {
                self.say(&format!("{}: {what}", digest.short().trim_start_matches("sha256:")))?;
            }
        }
        self.say(&format!("{TAG}: digest: {}...", image.manifest.digest.short()))
    }

    /// What a pull says, and whether it worked.
    async fn pull(&mut self, repository: &str) -> Result<bool> {
        self.command(&format!("docker pull {repository}:{TAG}"))?;
        let pulled = self.client.pull(repository, TAG).await;
        match &pulled {
            Ok(pulled) => self.say(&format!("Status: Downloaded and verified {} bytes", pulled.bytes))?,
            Err(error) => self.say(&format!("Error response from daemon: {error}"))?,
        }
        Ok(pulled.is_ok())
    }

    async fn check(
        &mut self,
        headline: &str,
        repair: Then,
        check: &mut impl AsyncFnMut(&DemoTarget, Then, &mut dyn Write) -> Result<u8>,
    ) -> Result<()> {
        self.headline(headline)?;
        let more = match repair {
            Then::Nothing => String::new(),
            Then::Repair => format!(" --fix --yes --source {}", self.target.mirror),
        };
        self.command(&format!("regfsck check --config config.yml{more}"))?;
        let status = check(&self.target, repair, self.out).await?;
        self.say(&format!("(exit status {status})"))
    }

    async fn conclude(&mut self) -> Result<()> {
        self.headline("And pull.")?;
        if !self.pull(LOST).await? {
            bail!("the repaired image cannot be pulled");
        }
        self.say(
            "\nThe image is back, the daemon claims what it stores, and nobody restarted it. The usual",
        )?;
        self.say("advice, a restart, makes the daemon honest too, but brings nothing back.")
    }

    /// Stays until the user has seen enough.
    async fn serve(&mut self, is_kept: bool) -> Result<()> {
        self.headline("The daemon stays up, and still claims what is gone.")?;
        let DemoTarget { config, state, mirror, .. } = self.target.clone();
        let (config, state) = (quoted(&config.display().to_string()), quoted(&state.display().to_string()));
        self.say("Try, in another terminal:\n")?;
        self.say(&format!("  regfsck check --config {config}"))?;
        self.say(&format!("  regfsck purge --config {config} --state-dir {state}"))?;
        self.say(&format!("  regfsck check --config {config} --state-dir {state} --fix --source {mirror}"))?;
        self.say(
            "\nThe first says what is wrong, the second makes the daemon forget it, the third brings the",
        )?;
        self.say("image back from a mirror that has it.")?;
        let after = if is_kept { "its files stay" } else { "its files go with it" };
        self.say(&format!("\nCtrl-C stops it; {after}."))?;
        self.out.flush()?;
        tokio::signal::ctrl_c().await.context("wait for Ctrl-C")
    }

    fn take_leave(&mut self, home: &Home) -> Result<()> {
        if let Home::Kept(folder) = home {
            self.say(&format!("\nThe damaged registry is yours: {}", folder.display()))?;
            self.say("It can be checked offline:\n")?;
            self.say(&format!("  regfsck check --storage {}", self.target.root.display()))?;
        }
        Ok(self.out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::output::{DrawingArguments, ProgressArguments, When};

    fn options(flavour: Flavour) -> DemoCommand {
        let (drawing, progress) = (DrawingArguments::default(), ProgressArguments { progress: When::Never });
        DemoCommand { flavour, keep: None, serve: false, drawing, progress }
    }

    /// A check that only counts how many of the lost image's blobs the daemon claims; its repair uploads them all.
    async fn count_claims(target: &DemoTarget, repair: Then, out: &mut dyn Write) -> Result<u8> {
        let (client, lost) = (DockerLike::new(&target.url)?, Image::two_layers(LOST)?);
        if repair == Then::Repair {
            for blob in lost.blobs().chain([&lost.manifest]) {
                client.upload(LOST, blob).await?;
            }
            client.put_manifest(LOST, TAG, &lost.manifest, &lost.media_type).await?;
        }
        let mut claims = 0;
        for blob in lost.blobs() {
            claims += u8::from(client.claims(LOST, &blob.digest).await?);
        }
        writeln!(out, "{repair:?}: {claims} phantoms")?;
        Ok(u8::from(claims > 0))
    }

    async fn tell(flavour: Flavour) -> String {
        let mut out = Vec::new();
        super::tell(options(flavour), &mut out, count_claims).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn the_story_is_told_as_it_happens() {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        let _guard = settings.bind_to_scope();
        insta::assert_snapshot!("demo_of_2", tell(Flavour::V2).await);
        insta::assert_snapshot!("demo_of_3", tell(Flavour::V3).await);
    }

    #[tokio::test]
    async fn a_kept_registry_stays_and_is_never_mixed_with_other_files() {
        let home = tempfile::tempdir().unwrap();
        let keep = Some(home.path().join("kept"));
        let options = DemoCommand { keep: keep.clone(), ..options(Flavour::V2) };
        super::tell(options.clone(), &mut Vec::new(), count_claims).await.unwrap();
        assert!(home.path().join("kept/registry/docker/registry/v2/repositories/team/app").is_dir());
        assert!(home.path().join("kept/config.yml").is_file());
        let refused = super::tell(options, &mut Vec::new(), count_claims).await.unwrap_err();
        let folder = home.path().join("kept").canonicalize().unwrap();
        assert_eq!(
            refused.to_string(),
            format!("`{}` is not empty: give --keep a new directory", folder.display())
        );
    }
}
