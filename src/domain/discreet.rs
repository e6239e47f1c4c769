//! Texts that people typed, without the secrets in them: for errors, reports and files, which others read.

use super::digest::Algorithm;

/// What ends a word of a text or of a command line.
const ENDS: [char; 4] = ['\'', '"', '`', ' '];
/// What a value follows that is nobody's business.
const SECRETS: [&str; 8] =
    ["authorization", "token", "password", "passwd", "secret", "apikey", "api-key", "api_key"];
/// What stands for it.
const HIDDEN: &str = "…";

/// A text in which `USER:PASSWORD@` may stand, without these.
#[must_use]
pub fn without_passwords(text: &str) -> String {
    text.split_inclusive(|c: char| ENDS.contains(&c) || c.is_whitespace()).map(without_password).collect()
}

fn without_password(word: &str) -> String {
    let is_digest =
        |rest: &str| rest.split_once(':').and_then(|(name, _)| Algorithm::from_name(name)).is_some();
    let at =
        word.rmatch_indices('@').map(|(at, _)| at).find(|at| !is_digest(word.get(at + 1..).unwrap_or("")));
    let Some((head, tail)) = at.and_then(|at| word.split_at_checked(at)) else { return word.to_owned() };
    let (scheme, user) = head.find("://").and_then(|at| head.split_at_checked(at + 3)).unwrap_or(("", head));
    if user.contains(':') { format!("{scheme}{HIDDEN}{tail}") } else { word.to_owned() }
}

/// A command line without passwords in URLs, `-u USER:PASSWORD`, and what follows words like `Authorization:` or `token=`.
#[must_use]
pub fn command(line: &str) -> String {
    let line = without_passwords(line);
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((until, length)) = secret(rest) {
        let (before, after) = rest.split_at_checked(until).unwrap_or((rest, ""));
        shown.push_str(before);
        shown.push_str(HIDDEN);
        rest = after.get(length..).unwrap_or_default();
    }
    shown + rest
}

/// Where the next secret begins, and how long it is.
fn secret(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let named = SECRETS.iter().flat_map(|name| lower.match_indices(name)).filter_map(|(at, name)| {
        let after = text.get(at + name.len()..)?;
        let value = after.trim_start_matches([' ', '\t']).strip_prefix([':', '='])?;
        Some((at, value))
    });
    let users = [" -u ", " --user "].into_iter().flat_map(|flag| text.match_indices(flag));
    let users = users.filter_map(|(at, flag)| Some((at, text.get(at + flag.len()..)?)));
    let found = named.chain(users).filter(|(_, value)| !value.trim_start().starts_with(HIDDEN));
    let (at, value) = found.filter(|(_, value)| !value.trim().is_empty()).min_by_key(|(at, _)| *at)?;
    let start = text.len() - value.trim_start().len();
    // Inside of quotes a value may hold spaces; what opened them stands before it.
    let opened = text.get(..at)?.rfind(['\'', '"']).and_then(|at| text.get(at..)?.chars().next());
    let is_open =
        opened.filter(|quote| text.get(..at).is_some_and(|before| before.matches(*quote).count() % 2 == 1));
    let value = text.get(start..)?;
    let quoted = value.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let length = match (is_open, quoted) {
        (Some(quote), _) => value.find(quote),
        (None, Some(quote)) => value.get(1..)?.find(quote).map(|at| at + 2),
        (None, None) => value.find(char::is_whitespace),
    };
    Some((start, length.unwrap_or(value.len())))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("invalid value 'docker://bob:PASS@host/x' for", "invalid value 'docker://…@host/x' for")]
    #[case("`/bob:PASS@host/x:1` is no image", "`…@host/x:1` is no image")]
    #[case("--nonsense=http://bob:PA@SS@host", "--nonsense=http://…@host")]
    #[case("redis://:PASS@host", "redis://…@host")]
    #[case("host:5000/a:1@sha256:00", "host:5000/a:1@sha256:00")]
    #[case("bob@host", "bob@host")]
    fn passwords_are_not_shown(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(without_passwords(text), shown);
    }

    #[rstest]
    #[case("curl -H 'Authorization: Bearer PASS' http://h/", "curl -H 'Authorization: …' http://h/")]
    #[case("curl -H \"X-Token: PA SS\" h", "curl -H \"X-Token: …\" h")]
    #[case("curl -u bob:PASS http://h", "curl -u … http://h")]
    #[case("env TOKEN=PASS run --password='PA SS' it", "env TOKEN=… run --password=… it")]
    #[case("curl -H Authorization:PASS", "curl -H Authorization:…")]
    #[case("curl http://bob:PASS@h/restart", "curl http://…@h/restart")]
    #[case("service registry restart && echo 'done: ok'", "service registry restart && echo 'done: ok'")]
    fn commands_are_shown_without_secrets(#[case] line: &str, #[case] shown: &str) {
        assert_eq!(command(line), shown);
    }
}
