use proptest::prelude::*;

use super::*;

fn digests() -> impl Strategy<Value = Digest> {
    prop_oneof![any::<[u8; 32]>().prop_map(Digest::sha256), (0..3_u8).prop_map(|n| Digest::sha512([n; 64])),]
}

fn names() -> impl Strategy<Value = RepositoryName> {
    "[a-z0-9]{1,3}((\\.|_|__|-)[a-z0-9]{1,3})?(/[a-z0-9]{1,3}){0,3}".prop_map(|name| name.parse().unwrap())
}

fn tags() -> impl Strategy<Value = Tag> {
    "[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}".prop_map(|tag| tag.parse().unwrap())
}

fn links() -> impl Strategy<Value = LinkPlace> {
    prop_oneof![
        digests().prop_map(LinkPlace::Layer),
        digests().prop_map(LinkPlace::Revision),
        tags().prop_map(LinkPlace::Tag),
    ]
}

fn parts() -> impl Strategy<Value = Option<UploadPart>> {
    let algorithms = prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha384), Just(Algorithm::Sha512)];
    prop_oneof![
        Just(None),
        Just(Some(UploadPart::Data)),
        Just(Some(UploadPart::StartedAt)),
        Just(Some(UploadPart::HashStates)),
        (algorithms, any::<u64>()).prop_map(|(algorithm, at)| Some(UploadPart::HashState(algorithm, at))),
    ]
}

fn folders() -> impl Strategy<Value = FolderPlace> {
    let part = prop_oneof![
        Just(Part::Layers),
        Just(Part::Manifests),
        Just(Part::Revisions),
        Just(Part::Tags),
        Just(Part::Uploads),
    ];
    prop_oneof![
        Just(FolderPlace::Blobs),
        Just(FolderPlace::Repositories),
        digests().prop_map(FolderPlace::Blob),
        names().prop_map(FolderPlace::Repository),
        (names(), part).prop_map(|(name, part)| FolderPlace::Part(name, part)),
        (names(), tags()).prop_map(|(name, tag)| FolderPlace::Tag(name, tag)),
        (names(), links()).prop_map(|(name, link)| FolderPlace::Link(name, link)),
        (names(), tags(), digests()).prop_map(|(name, tag, digest)| FolderPlace::Entry(name, tag, digest)),
    ]
}

fn places() -> impl Strategy<Value = Place> {
    prop_oneof![
        digests().prop_map(Place::Data),
        (names(), links()).prop_map(|(name, link)| Place::Link(name, link)),
        (names(), tags(), digests()).prop_map(|(name, tag, digest)| Place::Entry(name, tag, digest)),
        (names(), digests(), digests())
            .prop_map(|(name, digest, signature)| Place::Signature(name, digest, signature)),
        (names(), "[^/]{1,40}", parts()).prop_map(|(name, id, part)| Place::Upload(name, id.into(), part)),
        folders().prop_map(Place::Folder),
    ]
}

/// Paths that are none, or nearly: what is known with something put in or taken out.
fn texts() -> impl Strategy<Value = String> {
    let odd = "/|//|_|data|link|0|\\PC{0,4}";
    let damaged = (places(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), odd);
    let damaged = damaged.prop_map(|(place, one, other, odd)| {
        let path: Vec<char> = place.to_string().chars().collect();
        let (one, other) = (one.index(path.len()), other.index(path.len()));
        let (before, after) = path.split_at(one.min(other));
        let after = after.iter().skip(one.abs_diff(other).min(2));
        before.iter().copied().chain(odd.chars()).chain(after.copied()).collect()
    });
    prop_oneof!["\\PC*", damaged]
}

proptest! {
    #[test]
    fn a_place_is_read_back_from_its_path(place in places()) {
        prop_assert_eq!(Place::from(place.to_string()), place);
    }

    #[test]
    fn any_text_is_some_place_and_shows_as_it_was(text in texts()) {
        prop_assert_eq!(Place::from(text.as_str()).to_string(), text);
    }

    #[test]
    fn places_are_ordered_as_their_paths(one in places(), other in places()) {
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }
}

#[test]
fn the_paths_are_those_of_distribution() {
    let digest = Digest::sha256([0xab; 32]);
    let (hex, tag) = ("ab".repeat(32), "1.0".parse::<Tag>().unwrap());
    let name: RepositoryName = "team/app".parse().unwrap();
    let app = "repositories/team/app";
    for (place, path) in [
        (Place::Data(digest), format!("blobs/sha256/ab/{hex}/data")),
        (Place::Link(name.clone(), LinkPlace::Layer(digest)), format!("{app}/_layers/sha256/{hex}/link")),
        (
            Place::Link(name.clone(), LinkPlace::Revision(digest)),
            format!("{app}/_manifests/revisions/sha256/{hex}/link"),
        ),
        (
            Place::Link(name.clone(), LinkPlace::Tag(tag.clone())),
            format!("{app}/_manifests/tags/1.0/current/link"),
        ),
        (
            Place::Entry(name.clone(), tag, digest),
            format!("{app}/_manifests/tags/1.0/index/sha256/{hex}/link"),
        ),
        (
            Place::Upload(name.clone(), "u".into(), Some(UploadPart::HashState(Algorithm::Sha256, 7))),
            format!("{app}/_uploads/u/hashstates/sha256/7"),
        ),
        (Place::Folder(FolderPlace::Part(name, Part::Tags)), format!("{app}/_manifests/tags")),
    ] {
        assert_eq!(place.to_string(), path);
        assert_eq!(path.parse(), Ok(place));
    }
}

#[test]
fn what_the_layout_does_not_know_stays_a_text() {
    let hex = "ab".repeat(32);
    for path in [
        "",
        "/blobs",
        "blobs/",
        "blobs/sha256/ab",
        &format!("blobs/sha256/cd/{hex}/data"),
        &format!("blobs/sha256/ab/{hex}/data.tmp"),
        &format!("blobs/sha256/ab/{}/data", hex.to_uppercase()),
        "repositories/Team/app",
        "repositories/team//app",
        "repositories/_layers",
        "repositories/team/_uploads/",
        "repositories/team/_uploads/u/hashstates/sha256/07",
        "repositories/team/_manifests/tags/.x",
    ] {
        assert_eq!(Place::from(path), Place::Other(Unknown(path.into())), "{path}");
    }
}
