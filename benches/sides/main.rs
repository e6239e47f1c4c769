//! regfsck and the tools that a person would otherwise use, side by side on one machine in one run.
//!
//! ```text
//! cargo bench --bench sides -- offline --blobs 200000 --repositories 1500
//! cargo bench --bench sides -- offline cold content probe redis upload slow bucket curve --write docs
//! ```
//!
//! What is compared are ratios: each side runs once to warm up, then all sides in turn, round after round.
//! A peer that is not installed is left out, and said so.
#![allow(clippy::disallowed_methods, reason = "a benchmark plants its own files")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's result goes to the terminal")]

mod bucket;
mod contest;
mod curve;
mod daemon;
mod draw;
mod measure;
#[path = "../../tests/it/support/plant.rs"]
mod plant;
#[path = "../../tests/it/support/shelf.rs"]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "it is a test's own store")]
mod shelf;
mod slow;
mod upload;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

use crate::draw::Table;
use crate::plant::{Content, Recipe};

/// Compare regfsck with the tools that a person would otherwise use
#[derive(Debug, Parser)]
struct Arguments {
    /// What to compare
    #[arg(default_value = "offline")]
    subjects: Vec<Subject>,
    /// How many blobs the offline tree has
    #[arg(long, default_value_t = 200_000)]
    blobs: u64,
    /// How many repositories it has
    #[arg(long, default_value_t = 1_500)]
    repositories: u64,
    /// Layers that an image has to itself
    #[arg(long, default_value_t = 2)]
    layers: u64,
    /// Damage one layer in so many; 0 damages none
    #[arg(long, default_value_t = 1_000)]
    damage: u64,
    /// The same seed makes the same tree
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds after the one that warms up
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The largest tree of the curve
    #[arg(long, default_value_t = 2_000_000)]
    largest: u64,
    /// Where trees are planted and kept; a temporary folder if none is given
    #[arg(long)]
    trees: Option<PathBuf>,
    /// Write performance.json, performance-curve.svg and the tables of performance.md into this folder
    #[arg(long)]
    write: Option<PathBuf>,
    /// Only read the Redis at this port of 127.0.0.1: what the comparison runs as its subject
    #[arg(long, hide = true)]
    read_redis: Option<u16>,
    /// Ignored: cargo gives it
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The offline check against find, du, garbage collection and the least that it could ask of the kernel
    Offline,
    /// The offline check against find, with the kernel's caches dropped before every run; needs root
    Cold,
    /// The content check against sha256sum
    Content,
    /// Probing a daemon against a load generator
    Probe,
    /// Reading Redis against redis-cli
    Redis,
    /// A repair's uploads against curl
    Upload,
    /// Storage that waits a millisecond for each look, against find and garbage collection; one machine against four
    Slow,
    /// A bucket that takes a tenth of a second for each request, against garbage collection
    Bucket,
    /// Time and memory against size
    Curve,
}

/// Where trees lie, and what is done to them.
struct Bench {
    arguments: Arguments,
    trees: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(port) = arguments.read_redis {
        return daemon::read_redis(port);
    }
    let temporary;
    let trees = if let Some(trees) = &arguments.trees {
        trees.clone()
    } else {
        temporary = tempfile::tempdir()?;
        temporary.path().to_owned()
    };
    let bench = Bench { arguments, trees };
    let mut table = Table::default();
    for subject in &bench.arguments.subjects {
        match subject {
            Subject::Offline => contest::offline(&bench, &mut table)?,
            Subject::Cold => contest::cold(&bench, &mut table)?,
            Subject::Content => contest::content(&bench, &mut table)?,
            Subject::Probe => daemon::probe(&bench, &mut table)?,
            Subject::Redis => daemon::redis(&bench, &mut table)?,
            Subject::Upload => upload::compare(&bench, &mut table)?,
            Subject::Slow => slow::compare(&bench, &mut table)?,
            Subject::Bucket => bucket::compare(&mut table)?,
            Subject::Curve => table.curve = Some(curve::measure(&bench)?),
        }
    }
    print!("{}", table.markdown());
    match &bench.arguments.write {
        Some(folder) => table.write(folder),
        None => Ok(()),
    }
}

impl Bench {
    fn recipe(&self, blobs: u64, repositories: u64) -> Recipe {
        let Arguments { layers, seed, damage, .. } = self.arguments;
        Recipe { blobs, repositories, layers, seed, damage, content: Content::Sparse }
    }

    /// The tree of this recipe, planted unless an earlier run has.
    fn tree(&self, recipe: &Recipe) -> Result<PathBuf> {
        let Recipe { blobs, repositories, layers, seed, damage, content } = recipe;
        let size = match content {
            Content::Sparse => "sparse".to_owned(),
            Content::True(size) => size.to_string(),
        };
        let root = self.trees.join(format!("{blobs}-{repositories}-{layers}-{damage}-{seed}-{size}"));
        let done = root.join("planted");
        if !done.exists() {
            eprintln!("planting {blobs} blobs in {repositories} repositories");
            plant::plant(&root.join("registry"), recipe).with_context(|| root.display().to_string())?;
            std::fs::write(done, "")?;
        }
        Ok(root.join("registry"))
    }
}

/// The program under test.
fn regfsck() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_regfsck"))
}
