//! Images as users type them: `HOST[:PORT]/NAME[:TAG][@DIGEST]`, or without the host where the registry is given.

use anyhow::{Context as _, Result, bail};

use crate::adapters::registry::Address;
use crate::domain::name::{Image, Reference};
use crate::engine::verify::Named;

/// Docker Hub under the name that users know, and under the one that answers.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// An image, and the registry that it is in; `None` is the one given by other means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Typed {
    /// `HOST[:PORT]`
    pub(in crate::cli) host: Option<String>,
    /// The image there.
    pub(in crate::cli) named: Named,
}

/// Whether the part before the first slash is a host: what docker takes for one.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':', '[']) || part == "localhost"
}

/// Read an image. `given` is the registry that the arguments name.
///
/// # Errors
/// When it is none, or in another registry than the one given.
pub(in crate::cli) fn parse(text: &str, given: Option<&Address>) -> Result<Typed> {
    let text = text.strip_prefix("docker://").unwrap_or(text);
    if let Some((scheme @ ("http" | "https"), image)) = text.split_once("://") {
        let plain = if scheme == "http" { ", with --plain-http" } else { "" };
        bail!("an image is written without `{scheme}://`: {image}{plain}");
    }
    let (host, rest) = match text.split_once('/') {
        Some((host, rest)) if is_host(host) => (Some(host), rest),
        _ => (None, text),
    };
    let named = |path: &str| image(path).map(|image| Named { name: text.to_owned(), image });
    match (host, given) {
        (None, None) => bail!("`{text}` names no registry: write HOST[:PORT]/{text}, or give --registry URL"),
        (Some(host), Some(given)) if host.eq_ignore_ascii_case(&given.host_and_port()) => {
            Ok(Typed { host: None, named: named(rest)? })
        }
        (Some(host), Some(given)) if host.contains([':', '[']) => {
            bail!("`{text}` is not in the registry `{}` that was given", given.host_and_port())
        }
        // The first part of a repository's name may have a dot, but no port.
        (_, Some(_)) => Ok(Typed { host: None, named: named(text)? }),
        (Some(host), None) if host == HUB.0 => {
            let path = if rest.contains('/') { rest.to_owned() } else { format!("library/{rest}") };
            Ok(Typed { host: Some(HUB.1.to_owned()), named: named(&path)? })
        }
        (Some(host), None) => Ok(Typed { host: Some(host.to_owned()), named: named(rest)? }),
    }
}

/// `NAME[:TAG][@DIGEST]`; the digest counts where both are there, and `latest` where neither is.
fn image(path: &str) -> Result<Image> {
    let (name, digest) = match path.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (path, None),
    };
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let shown = || format!("`{path}` is no image");
    let repository = repository.parse().with_context(shown)?;
    let tag = tag.parse().with_context(shown)?;
    let reference = match digest {
        Some(digest) => Reference::Digest(digest.parse().with_context(shown)?),
        None => Reference::Tag(tag),
    };
    Ok(Image { repository, reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, given: Option<&str>) -> Result<(Option<String>, String), String> {
        let given = given.map(|url| Address::parse(url, false).unwrap());
        let typed = parse(text, given.as_ref()).map_err(|error| format!("{error:#}"))?;
        Ok((typed.host, typed.named.image.to_string()))
    }

    #[test]
    fn images_are_read_as_docker_reads_them() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pinned = format!("a:1@{digest}");
        let by_digest = format!("a@{digest}");
        for (text, host, image) in [
            ("registry.example:5000/team/app:1", "registry.example:5000", "team/app:1"),
            ("127.0.0.1:5000/a:1", "127.0.0.1:5000", "a:1"),
            ("[::1]:5000/a", "[::1]:5000", "a:latest"),
            ("localhost/a", "localhost", "a:latest"),
            ("docker://localhost/a/b:2", "localhost", "a/b:2"),
            ("docker.io/alpine:3", "registry-1.docker.io", "library/alpine:3"),
            (&format!("r.example/{pinned}"), "r.example", &by_digest),
        ] {
            assert_eq!(read(text, None), Ok((Some(host.to_owned()), image.to_owned())), "{text}");
        }
    }

    #[test]
    fn with_a_registry_the_short_form_will_do() {
        let given = Some("http://127.0.0.1:5000");
        for (text, image) in [
            ("team/app:1", "team/app:1"),
            ("a", "a:latest"),
            ("127.0.0.1:5000/a:1", "a:1"),
            ("my.company/a:1", "my.company/a:1"),
        ] {
            assert_eq!(read(text, given), Ok((None, image.to_owned())), "{text}");
        }
        let other = "`127.0.0.1:5001/a:1` is not in the registry `127.0.0.1:5000` that was given";
        assert_eq!(read("127.0.0.1:5001/a:1", given), Err(other.into()));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let no_registry = "`team/app` names no registry: write HOST[:PORT]/team/app, or give --registry URL";
        assert_eq!(read("team/app", None), Err(no_registry.into()));
        for bad in ["r.example/A:1", "r.example/", "r.example/a:", "r.example/a@sha256:1", "r.example/a:1:2"]
        {
            assert!(read(bad, None).is_err(), "{bad}");
        }
    }
}
