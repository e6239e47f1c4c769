//! Keys and certificates made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Run `openssl`; false where it is missing.
pub(crate) fn openssl(dir: &Path, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new("openssl").args(arguments).current_dir(dir).output() else { return false };
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

fn pair(dir: &Path, name: &str) -> Pair {
    Pair { certificate: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) }
}

/// What everybody types: `openssl req -x509`, a certificate marked as a CA's. `days` may be negative: it has expired then.
pub(crate) fn self_signed(dir: &Path, name: &str, names: &str, days: i32) -> Option<Pair> {
    let made = pair(dir, name);
    let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
    let alt = format!("subjectAltName={names}");
    let base = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", &alt];
    let out = ["-keyout", &key, "-out", &certificate];
    if days > 0 {
        let days = days.to_string();
        return openssl(dir, &[&base[..], &out, &["-days", &days]].concat()).then_some(made);
    }
    // `req -x509` cannot look back in every version of openssl; `ca` can.
    let csr = format!("{name}.csr");
    openssl(
        dir,
        &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-keyout", &key, "-out", &csr],
    )
    .then_some(())?;
    std::fs::write(dir.join("index.txt"), "").unwrap();
    std::fs::write(dir.join("serial"), "01").unwrap();
    let config = format!(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n\
         [p]\ncommonName=supplied\n[x]\nbasicConstraints=critical,CA:TRUE\n{alt}\n"
    );
    std::fs::write(dir.join("ca.cnf"), config).unwrap();
    let dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
    let ca = [
        "ca",
        "-batch",
        "-selfsign",
        "-config",
        "ca.cnf",
        "-in",
        &csr,
        "-keyfile",
        &key,
        "-out",
        &certificate,
        "-notext",
    ];
    openssl(dir, &[&ca[..], &dates].concat()).then_some(made)
}

/// A CA, and a certificate that it signed.
pub(crate) fn signed_by_ca(dir: &Path, name: &str, names: &str) -> Option<(PathBuf, Pair)> {
    let ca = self_signed(dir, &format!("{name}-ca"), "DNS:ca.invalid", 30)?;
    let (key, csr, crt) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
    openssl(
        dir,
        &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf", "-keyout", &key, "-out", &csr],
    );
    std::fs::write(dir.join("leaf.ext"), format!("subjectAltName={names}\n")).unwrap();
    let (ca_crt, ca_key) = (ca.certificate.to_str().unwrap(), ca.key.to_str().unwrap());
    let sign =
        ["x509", "-req", "-in", &csr, "-CA", ca_crt, "-CAkey", ca_key, "-CAcreateserial", "-days", "30"];
    openssl(dir, &[&sign[..], &["-extfile", "leaf.ext", "-out", &crt]].concat());
    Some((ca.certificate, pair(dir, name)))
}
