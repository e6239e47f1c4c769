//! The program without libraries: in a root with nothing in it, it finds names and speaks TLS.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use regfsck::adapters::sandbox::image::Image;
use rustix::process::geteuid;
use tempfile::TempDir;

use super::static_program;
use crate::support::certificates::self_signed;
use crate::support::missing;
use crate::support::raw::Raw;
use crate::support::real_registry::RealRegistry;
use crate::support::regfsck::Ended;
use crate::support::settings::Settings;

/// Where the test's own server of names listens: the port cannot be chosen.
const NAMES: &str = "127.0.0.77";

/// A root that holds the program and an empty `tmp`.
struct Root(TempDir);

impl Root {
    fn with(program: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("tmp")).unwrap();
        std::fs::copy(program, root.path().join("regfsck")).unwrap();
        Self(root)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new("chroot");
        command.arg(self.0.path()).arg("/regfsck").args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap().into()
    }
}

fn program(test: &str) -> Option<PathBuf> {
    if !geteuid().is_root() {
        missing("root's rights (for chroot)", test);
        return None;
    }
    static_program(test)
}

/// Answer every question for an address with that of this machine, and say no to all else.
fn serve_names() -> std::io::Result<()> {
    let socket = UdpSocket::bind((NAMES, 53))?;
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let asked = &question[12..length];
            let name = asked.iter().position(|&byte| byte == 0).unwrap_or(0) + 1;
            let is_address = asked[name..].starts_with(&[0, 1]);
            let mut answer = question[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
            answer.extend(&asked[..name + 4]);
            if is_address {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    Ok(())
}

#[test]
fn static_program_needs_nothing_but_itself() {
    let Some(program) = program("an empty root") else { return };
    let root = Root::with(&program);
    assert_eq!(root.run(&["--version"]).stdout, format!("regfsck {}\n", env!("CARGO_PKG_VERSION")));
    let demo = root.run(&["demo"]);
    assert!(demo.status == 0 && demo.stdout.contains("phantom-blob"), "{demo:?}");
}

#[test]
fn static_program_finds_names_and_speaks_tls_in_an_empty_root() {
    let test = "names and TLS in an empty root";
    let Some(program) = program(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(pair) = self_signed(folder.path(), "own", "DNS:registry.example,IP:127.0.0.1", 30) else {
        return missing("openssl", test);
    };
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let http = format!("  tls:\n    certificate: {certificate}\n    key: {key}\n");
    let root_of_both = folder.path().join("root");
    let plain = Settings { root: Some(root_of_both.clone()), ..Settings::default() };
    let (Some(plain), Some(secure)) = (
        RealRegistry::start(&plain),
        RealRegistry::start(&Settings { http, root: Some(root_of_both), ..Settings::default() }),
    ) else {
        return missing("docker-registry", test);
    };
    Raw::new(&plain.url()).push_image("team/app", "1", &Image::two_layers("app").unwrap());
    if let Err(error) = serve_names() {
        return missing(&format!("port 53 of {NAMES} ({error})"), test);
    }

    let root = Root::with(&program);
    root.put("etc/resolv.conf", format!("nameserver {NAMES}\n"));
    root.put("own.pem", std::fs::read(&pair.certificate).unwrap());
    let url = format!("https://registry.example:{}", secure.port());
    let arguments = ["check", "--registry", &url, "--retry-times=0"];
    let checked = root.run(&[&arguments[..], &["--ca-file", "/own.pem", "-o", "json"]].concat());
    assert_eq!(checked.status, 0, "{checked:?}");
    assert_eq!(checked.report().target.registry, Some(url.clone()));
    // Without trust there is no answer, and without a server of names there is no address.
    let untrusted = root.run(&arguments);
    assert!(untrusted.status == 3 && untrusted.stdout.contains("--ca-file"), "{untrusted:?}");
    root.put("etc/resolv.conf", "nameserver 127.0.0.78\noptions timeout:1 attempts:1\n");
    let unknown = root.run(&[&arguments[..], &["--ca-file", "/own.pem"]].concat());
    assert_eq!(unknown.status, 3, "{unknown:?}");
}
