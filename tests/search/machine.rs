//! A registry that things happen to: in memory, or a real one.

use std::sync::Arc;

use bytes::Bytes;
use regfsck::adapters::sandbox::{Caching, Flavour, SandboxState};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::LinkPlace;
use regfsck::domain::name::RepositoryName;

use crate::moves::{Link, Move};
use crate::ports::{Ports, data, link_path, traces};
use crate::run::{Command, run};
use crate::support::raw::{Raw, blob_path, manifest_path};
use crate::world::{Part, REPOSITORIES, What};

/// What anything that happens needs of a registry.
pub trait Machine {
    fn raw(&self) -> Raw;
    fn flavour(&self) -> Flavour;
    /// Collects garbage; the exit status and what was printed.
    fn collect(&mut self, untagged: bool) -> (i32, String);
    /// Collects garbage under regfsck's guard; its exit status.
    fn guard(&mut self, untagged: bool) -> u8;
    fn restart(&mut self);
    /// Makes Redis forget everything, where there is one.
    fn flush(&mut self);
    /// Removes a file or a folder below `docker/registry/v2`, if it is there.
    fn remove(&mut self, path: &str);
    /// Makes a file empty, if it is there.
    fn empty(&mut self, path: &str);
}

impl Machine for Arc<Ports> {
    fn raw(&self) -> Raw {
        Ports::raw(self).clone()
    }

    fn flavour(&self) -> Flavour {
        self.flavour
    }

    fn collect(&mut self, untagged: bool) -> (i32, String) {
        let log = self.registry.garbage_collect(untagged, false);
        (i32::from(log.exit_status()), log.output)
    }

    fn guard(&mut self, untagged: bool) -> u8 {
        run(self, Command::Guard(untagged)).unwrap().status
    }

    fn restart(&mut self) {
        self.registry.change_cache(|cache| *cache = cache.restarted());
    }

    fn flush(&mut self) {
        self.registry.change_cache(|cache| {
            if self.cache == Caching::Redis {
                *cache = SandboxState::new(self.cache).cache;
            }
        });
    }

    fn remove(&mut self, path: &str) {
        let _ = self.registry.change_files(|tree| {
            let lost = REPOSITORIES.iter().find(|name| path == format!("repositories/{name}"));
            if let Some(name) = lost.filter(|_| tree.look(path).is_ok()) {
                traces::lose(tree, name);
            }
            tree.remove(path)
        });
    }

    fn empty(&mut self, path: &str) {
        self.registry.change_files(|tree| {
            if tree.look(path).is_ok() {
                tree.write(path, Bytes::new()).unwrap();
            }
        });
    }
}

/// Makes it happen; what was answered, in a line.
pub fn make(machine: &mut dyn Machine, what: Move) -> String {
    let raw = machine.raw();
    match what {
        Move::Push(at, what) => push(&raw, REPOSITORIES[at], &what.to_string(), what, None),
        Move::Mount(at, what) => {
            push(&raw, REPOSITORIES[at], &what.to_string(), what, Some(REPOSITORIES[1 - at]))
        }
        Move::Retag(at, tag, what) => push(&raw, REPOSITORIES[at], &tag.to_string(), what, None),
        Move::Pull(at, what) => said(&pull(&raw, REPOSITORIES[at], &what.to_string())),
        Move::Delete(at, what) => {
            delete(&raw, &manifest_path(REPOSITORIES[at], &what.manifest().digest().to_string()))
        }
        Move::DeleteBlob(at, part) => delete(&raw, &blob_path(REPOSITORIES[at], part.digest())),
        Move::Untag(at, what) if machine.flavour().is_3() => {
            delete(&raw, &manifest_path(REPOSITORIES[at], &what.to_string()))
        }
        Move::Collect(untagged) => {
            let (status, output) = machine.collect(untagged);
            let summary = output.lines().find(|line| line.contains(" blobs marked, "));
            format!("{status} {}", summary.unwrap_or_default())
        }
        Move::Guard(untagged) => machine.guard(untagged).to_string(),
        _ => {
            outside(machine, what);
            String::new()
        }
    }
}

/// What happens to a registry without its being asked.
fn outside(machine: &mut dyn Machine, what: Move) {
    match what {
        Move::Restart => machine.restart(),
        Move::Flush => machine.flush(),
        Move::LoseData(part) => machine.remove(&data(part.digest())),
        Move::Empty(part) => machine.empty(&data(part.digest())),
        Move::LoseLink(at, link) => machine.remove(&path_of(at, link)),
        Move::LoseRepository(at) => machine.remove(&format!("repositories/{}", REPOSITORIES[at])),
        Move::Untag(at, what) => {
            machine.remove(&format!("repositories/{}/_manifests/tags/{what}", REPOSITORIES[at]));
        }
        _ => unreachable!("{what} asks the daemon"),
    }
}

fn path_of(at: usize, link: Link) -> String {
    let name: RepositoryName = REPOSITORIES[at].parse().unwrap();
    let place = match link {
        Link::Layer(part) => LinkPlace::Layer(*part.digest()),
        Link::Revision(part) => LinkPlace::Revision(*part.digest()),
        Link::Tag(what) => LinkPlace::Tag(what.to_string().parse().unwrap()),
    };
    link_path(&name, &place)
}

fn delete(raw: &Raw, path: &str) -> String {
    raw.delete(path).status.to_string()
}

fn said(came: &Result<(), String>) -> String {
    came.clone().err().unwrap_or_else(|| "came".to_owned())
}

/// Pushes as docker does, mounting from another repository if one is given: a word for each blob, then the manifests.
pub fn push(raw: &Raw, repository: &str, tag: &str, what: What, from: Option<&str>) -> String {
    let mut words = Vec::new();
    for at in what.images() {
        for part in [Part::Config(at), Part::Shared, Part::Layer(at)] {
            words.push(push_blob(raw, repository, part, from));
        }
        if what == What::Index {
            let (child, digest) = (What::Image(at), Part::Manifest(at).digest().to_string());
            words.push(put(raw, repository, &digest, child));
        }
    }
    words.push(put(raw, repository, tag, what));
    words.join(" ")
}

fn push_blob(raw: &Raw, repository: &str, part: Part, from: Option<&str>) -> String {
    let head = raw.head(&blob_path(repository, part.digest())).status;
    if head == 200 {
        return "skipped".to_owned();
    }
    if let Some(from) = from {
        let path = format!("/v2/{repository}/blobs/uploads/?mount={}&from={from}", part.digest());
        if raw.send("POST", &path, &[], b"").status == 201 {
            return format!("{head} mounted");
        }
    }
    format!("{head} {}", raw.upload(repository, part.blob()))
}

fn put(raw: &Raw, repository: &str, reference: &str, what: What) -> String {
    raw.put_manifest(repository, reference, what.manifest().blob(), what.media_type()).status.to_string()
}

/// Whether a push was accepted, by what [`push`] said.
pub fn is_accepted(pushed: &str) -> bool {
    pushed.ends_with("201")
}

/// Pulls whatever the reference names, and verifies it.
pub fn pull(raw: &Raw, repository: &str, reference: &str) -> Result<(), String> {
    let got = raw.get(&manifest_path(repository, reference));
    let what = What::ALL.into_iter().find(|what| what.manifest().blob().bytes == got.body);
    let Some(what) = what.filter(|_| got.status == 200) else {
        return Err(format!("manifest {} {}", got.status, got.codes()));
    };
    if reference.parse::<Digest>().is_ok_and(|digest| digest != *what.manifest().digest()) {
        return Err("another manifest".to_owned());
    }
    if what == What::Index {
        return [0, 1]
            .iter()
            .try_for_each(|at| pull(raw, repository, &Part::Manifest(*at).digest().to_string()));
    }
    let blobs = what.parts().into_iter().filter(|part| Part::BLOBS.contains(part));
    for part in blobs {
        let got = raw.get(&blob_path(repository, part.digest()));
        if got.status != 200 || got.body != part.blob().bytes {
            return Err(format!("{part} {} with {} bytes", got.status, got.body.len()));
        }
    }
    Ok(())
}
