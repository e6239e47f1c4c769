//! `WWW-Authenticate`, as registries write it.

/// Where tokens come from, as a header says, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn realm(header: &str) -> Option<String> {
    match choose(std::iter::once(header))? {
        Challenge::Basic => None,
        Challenge::Bearer(realm) => Some(realm.url),
    }
}

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user name and a password with each request.
    Basic,
    /// A token that another server gives out.
    Bearer(Realm),
}

/// Where tokens come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Realm {
    /// The token server's URL.
    pub url: String,
    /// The name of the registry there.
    pub service: Option<String>,
    /// The rights that the refused request needs, as the registry words them.
    pub scope: Option<String>,
}

/// The challenge to answer: tokens where they are offered, else Basic.
pub(super) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let offered: Vec<Challenge> = headers.flat_map(parse).filter_map(understand).collect();
    let tokens = offered.iter().find(|challenge| matches!(challenge, Challenge::Bearer(_)));
    tokens.or_else(|| offered.first()).cloned()
}

type Raw = (String, Vec<(String, String)>);

fn understand((scheme, parameters): Raw) -> Option<Challenge> {
    let value = |key: &str| {
        let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    let realm = value("realm").filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(Challenge::Bearer(Realm { url: realm, service: value("service"), scope: value("scope") }))
}

/// The challenges of one header: `scheme key=value, key="value", scheme …`. A word without `=` behind it begins the next.
fn parse(header: &str) -> Vec<Raw> {
    let mut challenges: Vec<Raw> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let end = rest.find(|c: char| c == '=' || c == ',' || c.is_whitespace()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return challenges;
        }
        if let Some(text) = after.trim_start().strip_prefix('=') {
            let (value, after) = read_value(text.trim_start());
            if let Some((_, parameters)) = challenges.last_mut() {
                parameters.push((word.to_owned(), value));
            }
            rest = after;
        } else {
            challenges.push((word.to_owned(), Vec::new()));
            rest = after;
        }
    }
}

/// A value, quoted or not, and what comes after it.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        // A bare word may be padded base64, whose `=` belongs to it.
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn bearer(realm: &str, service: &str, scope: &str) -> Challenge {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Challenge::Bearer(Realm { url: realm.into(), service: some(service), scope: some(scope) })
    }

    #[rstest]
    #[case::distribution(
        &[r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push",error="invalid_token""#],
        Some(bearer("https://auth.example/token", "registry.example", "repository:a/b:pull,push"))
    )]
    #[case::distribution_two_scopes(
        &[r#"Bearer realm="https://auth.example/token",service="s",scope="repository:a:pull repository:b:pull,push""#],
        Some(bearer("https://auth.example/token", "s", "repository:a:pull repository:b:pull,push"))
    )]
    #[case::docker_hub(
        &[r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#],
        Some(bearer("https://auth.docker.io/token", "registry.docker.io", ""))
    )]
    #[case::harbor(
        &[r#"Bearer realm="https://harbor.example/service/token",service="harbor-registry",scope="repository:library/x:pull""#],
        Some(bearer("https://harbor.example/service/token", "harbor-registry", "repository:library/x:pull"))
    )]
    #[case::harbor_both(
        &[r#"Basic realm="harbor""#, r#"Bearer realm="https://harbor.example/service/token",service="harbor-registry""#],
        Some(bearer("https://harbor.example/service/token", "harbor-registry", ""))
    )]
    #[case::gitlab(
        &[r#"Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",scope="registry:catalog:*",error="insufficient_scope""#],
        Some(bearer("https://gitlab.example/jwt/auth", "container_registry", "registry:catalog:*"))
    )]
    #[case::ghcr(
        &[r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#],
        Some(bearer("https://ghcr.io/token", "ghcr.io", "repository:user/image:pull"))
    )]
    #[case::with_spaces_and_bare_words(
        &["bearer  realm = \"https://a/t\" , service=reg , scope=\"\""],
        Some(bearer("https://a/t", "reg", ""))
    )]
    #[case::both_in_one(&[r#"Basic realm="a, b=\"c\"", Bearer realm="https://a/t""#], Some(bearer("https://a/t", "", "")))]
    #[case::htpasswd(&[r#"Basic realm="Registry Realm""#], Some(Challenge::Basic))]
    #[case::basic_after_unknown(&["Negotiate abc==, Basic realm=x"], Some(Challenge::Basic))]
    #[case::unknown(&["Negotiate"], None)]
    #[case::bearer_without_realm(&["Bearer service=x"], None)]
    #[case::unfinished(&["Bearer realm=\"https://a"], Some(bearer("https://a", "", "")))]
    #[case::nothing(&[""], None)]
    fn challenges_are_read_as_registries_write_them(
        #[case] headers: &[&str],
        #[case] expected: Option<Challenge>,
    ) {
        assert_eq!(choose(headers.iter().copied()), expected);
    }
}
