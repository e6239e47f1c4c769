//! Whether the name that an archive gives an image is the one that was asked for.
//!
//! Archives name images as whoever made them wrote them: `127.0.0.1:5000/team/app:1.0`,
//! `docker.io/library/alpine:latest`, `team/app:1.0`, or only `1.0`.

use crate::domain::name::{Image, Reference};
use crate::engine::ports::Naming;

/// How `name` names `image`, if it does.
pub(super) fn naming(name: &str, image: &Image) -> Option<Naming> {
    let Reference::Tag(tag) = &image.reference else { return None };
    if name == tag.as_str() {
        return Some(Naming::TagOnly);
    }
    let rest = name.strip_suffix(tag.as_str())?.strip_suffix(':')?;
    let host = rest.strip_suffix(image.repository.as_str())?;
    let is_exact = host.is_empty() || host.strip_suffix('/').is_some_and(is_host);
    is_exact.then_some(Naming::Exact)
}

/// Whether what stands before the repository is a registry's host rather than more of the repository's
/// name: docker's rule.
fn is_host(text: &str) -> bool {
    !text.contains('/') && (text.contains('.') || text.contains(':') || text == "localhost")
}

/// The best of the `named` things for `image`: the last that names it exactly, else the only one that
/// gives its tag.
pub(super) fn best<T: Copy + PartialEq>(
    image: &Image,
    named: impl IntoIterator<Item = (String, T)>,
) -> Option<(T, Naming)> {
    let (mut exact, mut by_tag) = (None, Vec::new());
    for (name, thing) in named {
        match naming(&name, image) {
            Some(Naming::Exact) => exact = Some(thing),
            Some(Naming::TagOnly) if !by_tag.contains(&thing) => by_tag.push(thing),
            Some(Naming::TagOnly) | None => {}
        }
    }
    let only = if let [only] = by_tag.as_slice() { Some((*only, Naming::TagOnly)) } else { None };
    exact.map(|thing| (thing, Naming::Exact)).or(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_with_or_without_its_host() {
        let image: Image = "team/app:1.0".parse().unwrap();
        for name in ["team/app:1.0", "127.0.0.1:5000/team/app:1.0", "mirror.example/team/app:1.0"] {
            assert_eq!(naming(name, &image), Some(Naming::Exact), "{name}");
        }
        assert_eq!(naming("1.0", &image), Some(Naming::TagOnly));
        for name in ["", "app:1.0", "other/team/app:1.0", "a.b/c/team/app:1.0", "team/app:1", "xteam/app:1.0"]
        {
            assert_eq!(naming(name, &image), None, "{name}");
        }
    }

    #[test]
    fn two_images_of_one_tag_are_no_answer() {
        let image: Image = "team/app:1.0".parse().unwrap();
        let named = |names: &[(&str, u8)]| {
            best(&image, names.iter().map(|(name, thing)| ((*name).to_owned(), *thing)).collect::<Vec<_>>())
        };
        assert_eq!(named(&[("1.0", 1), ("1.0", 2)]), None);
        assert_eq!(named(&[("1.0", 1), ("1.0", 1)]), Some((1, Naming::TagOnly)));
        assert_eq!(named(&[("1.0", 1), ("team/app:1.0", 2)]), Some((2, Naming::Exact)));
    }
}
