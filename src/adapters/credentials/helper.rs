//! `docker-credential-NAME get`: the registry's name on stdin, JSON on stdout.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::adapters::children::keep_to_ourselves;
use crate::adapters::registry::Credential;

/// A helper may have to ask its user for a passphrase.
const PATIENCE: Duration = Duration::from_secs(60);
/// The user name under which helpers keep identity tokens.
const IDENTITY: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Ask a helper. That it knows nothing about the registry is `None`.
pub(super) async fn get(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
) -> Result<Option<Credential>, String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err("its name is not one of a program".into());
    }
    let program = format!("docker-credential-{name}");
    let mut command = Command::new(find(&program, path).ok_or("it is not on PATH")?);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    keep_to_ourselves(command.as_std_mut());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input may still answer.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.ok().ok_or_else(|| format!("no answer within {} s", PATIENCE.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() { understand(&output.stdout) } else { refusal(&output) }
}

fn find(program: &str, path: Option<&OsStr>) -> Option<std::path::PathBuf> {
    std::env::split_paths(path?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn understand(stdout: &[u8]) -> Result<Option<Credential>, String> {
    // What it printed may hold the secret, so that it is not shown.
    let answer: Answer =
        serde_json::from_slice(stdout).ok().ok_or("its answer is not the JSON it should be")?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    let secret = SecretString::from(answer.secret);
    Ok(Some(if answer.username == IDENTITY {
        Credential::IdentityToken(secret)
    } else {
        Credential::Basic { name: answer.username, password: secret }
    }))
}

/// Helpers complain on stdout. That they have nothing is no complaint.
fn refusal(output: &std::process::Output) -> Result<Option<Credential>, String> {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let nothing = ["credentials not found", "no credentials server url", "no credentials username"];
    if nothing.iter().any(|words| said.to_ascii_lowercase().contains(words)) {
        return Ok(None);
    }
    let start: String = said.chars().filter(|c| !c.is_control()).take(160).collect();
    Err(format!("{}: {start}", output.status))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rstest::rstest;
    use secrecy::ExposeSecret as _;
    use tempfile::TempDir;

    use super::*;

    #[rstest]
    #[case(
        r#"read s; echo "{\"ServerURL\":\"$s\",\"Username\":\"bob\",\"Secret\":\"for $s\"}""#,
        Ok(Some("bob for r.test"))
    )]
    #[case(r#"echo '{"Username":"<token>","Secret":"t"}'"#, Ok(Some("identity t")))]
    #[case("echo 'credentials not found in native keychain'; exit 1", Ok(None))]
    #[case("echo 'the keychain is locked'; exit 3", Err("exit status: 3: the keychain is locked"))]
    #[case("echo 's3cret'", Err("its answer is not the JSON it should be"))]
    #[tokio::test]
    async fn helpers_answer_or_complain(#[case] script: &str, #[case] expected: Result<Option<&str>, &str>) {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("docker-credential-test");
        fs::write(&file, format!("#!/bin/sh\n[ \"$1\" = get ] || exit 9\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let got = get("test", "r.test", Some(dir.path().as_os_str())).await.map(|credential| {
            credential.map(|credential| match credential {
                Credential::Basic { name, password } => format!("{name} {}", password.expose_secret()),
                Credential::IdentityToken(token) => format!("identity {}", token.expose_secret()),
                other @ (Credential::Anonymous | Credential::RegistryToken(_)) => format!("{other:?}"),
            })
        });
        assert_eq!(got.as_ref().map(Option::as_deref).map_err(String::as_str), expected);
    }

    #[tokio::test]
    async fn a_helper_that_is_missing_or_no_program_is_said_to_be_so() {
        assert_eq!(get("none", "a", None).await.err().unwrap(), "it is not on PATH");
        assert_eq!(get("../x", "a", None).await.err().unwrap(), "its name is not one of a program");
    }
}
