//! Whether the terminal takes more than ASCII.

use std::borrow::Cow;

/// As the C library decides it: the first of these that says anything counts.
pub(super) fn is_utf8() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os);
    let said = said.map(|value| value.to_string_lossy().to_ascii_lowercase());
    said.into_iter().find(|value| !value.is_empty()).is_some_and(|value| is_utf8_name(&value))
}

fn is_utf8_name(locale: &str) -> bool {
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The text as the terminal takes it: what we cut is marked in ASCII where it takes no more. What users named is theirs.
pub(super) fn shown(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\u{2026}') && !is_utf8() { Cow::Owned(text.replace('\u{2026}', "...")) } else { text }
}
