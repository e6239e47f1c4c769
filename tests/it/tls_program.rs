//! TLS through the program: every mistake names its cure, and every cure works.

use std::fs;
use std::path::Path;

use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use crate::support::certificates::{Pair, openssl, self_signed, signed_by_ca};
use crate::support::missing;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::{command, end};
use crate::support::settings::Settings;
use crate::support::tree::plant;

const HERE: &str = "IP:127.0.0.1,DNS:registry.test";

fn daemon(root: &Path, pair: &Pair, client_ca: Option<&Path>) -> Option<RealRegistry> {
    let cas = client_ca.map(|ca| format!("    clientcas:\n      - {}\n", ca.display())).unwrap_or_default();
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let http = format!("  tls:\n    certificate: {certificate}\n    key: {key}\n{cas}");
    RealRegistry::start(&Settings { http, root: Some(root.to_owned()), ..Settings::default() })
}

/// Four daemons on one storage, and the folder of all certificates.
struct Place {
    dir: TempDir,
    plain: RealRegistry,
    /// With a self-signed certificate.
    own: RealRegistry,
    expired: RealRegistry,
    /// With one of a private CA, and for clients with a certificate alone.
    closed: RealRegistry,
}

impl Place {
    fn start(test: &str) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let at = dir.path();
        let Some(own) = self_signed(at, "own", HERE, 30) else {
            missing("openssl", test);
            return None;
        };
        let expired = self_signed(at, "expired", HERE, -1)?;
        let (_, server) = signed_by_ca(at, "server", HERE)?;
        let (client_ca, _) = signed_by_ca(at, "client", "DNS:client")?;
        signed_by_ca(at, "stranger", "DNS:stranger")?;
        fs::write(at.join("empty.pem"), "nothing").unwrap();
        let elsewhere =
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=elsewhere -days 30 -keyout roots.key -out roots.pem";
        openssl(at, &elsewhere.split(' ').collect::<Vec<_>>());
        let root = at.join("root");
        plant(&root, "team/app", "1", &Image::two_layers("a").unwrap());
        Some(Self {
            plain: RealRegistry::start(&Settings::sharing(&root))?,
            own: daemon(&root, &own, None)?,
            expired: daemon(&root, &expired, None)?,
            closed: daemon(&root, &server, Some(&client_ca))?,
            dir,
        })
    }

    /// What the program says to these arguments, in which names stand for ports and files.
    fn said(&self, home: &Path, arguments: &str) -> String {
        let dir = self.dir.path().display().to_string();
        let daemons = [
            ("PLAIN", &self.plain),
            ("OWN", &self.own),
            ("EXPIRED", &self.expired),
            ("CLOSED", &self.closed),
        ];
        let mut real = arguments.replace("DIR", &dir);
        for (name, daemon) in daemons {
            real = real.replace(name, &daemon.port().to_string());
        }
        let words = ["check", "--retry-times=0"].into_iter().chain(real.split(' ')).collect::<Vec<_>>();
        let mut command = command(&words);
        // The roots of this machine would be a difference that is none.
        command.env("HOME", home).env("SSL_CERT_FILE", self.dir.path().join("roots.pem"));
        let ended = end(command.spawn().unwrap());
        let mut text = format!("{}{}", ended.stdout, ended.stderr).replace(&dir, "DIR");
        for (name, daemon) in daemons {
            text = text.replace(&daemon.port().to_string(), name);
        }
        format!("## {arguments}\nstatus {}\n{text}", ended.status)
    }
}

#[test]
fn every_mistake_names_its_cure() {
    on_every_registry(|| {
        let Some(place) = Place::start("TLS mistakes") else { return };
        let said = [
        "--registry http://127.0.0.1:OWN",
        "--registry https://127.0.0.1:PLAIN",
        "--registry https://wrong.test:OWN --resolve wrong.test:OWN:127.0.0.1 --ca-file DIR/own.crt",
        "--registry https://127.0.0.1:EXPIRED --ca-file DIR/expired.crt",
        "--registry https://127.0.0.1:OWN",
        "--registry https://127.0.0.1:CLOSED",
        "--registry https://127.0.0.1:CLOSED --ca-file DIR/client-ca.crt",
        "--registry https://127.0.0.1:CLOSED --ca-file DIR/server-ca.crt --cert-file DIR/client.crt --key-file DIR/stranger.key",
        "--registry https://127.0.0.1:CLOSED --ca-file DIR/server-ca.crt --cert-file DIR/client.crt --key-file DIR/client.crt",
        "--registry https://127.0.0.1:CLOSED --ca-file DIR/server-ca.crt --cert-file DIR/client.crt",
        "--registry https://127.0.0.1:OWN --ca-file DIR/empty.pem",
        "--registry https://127.0.0.1:OWN --ca-file DIR/nowhere.pem",
    ]
    .map(|arguments| place.said(Path::new("/nonexistent"), arguments));
        insta::assert_snapshot!("every_mistake_names_its_cure", said.join("\n"));
    });
}

#[test]
fn a_certificate_that_is_wanted_and_not_shown_or_not_known_is_named() {
    on_every_registry(|| {
        let Some(place) = Place::start("a wanted certificate") else { return };
        let cure =
            "give one with --cert-file and --key-file, or in /etc/docker/certs.d/HOST:PORT/client.{cert,key}";
        // The registry's alert and the end of the connection come together; either may be met first.
        let either = [
            format!(
                "\"the registry does not accept us without a client certificate that it trusts; {cure}\""
            ),
            format!(
                "\"the connection was closed right after the TLS handshake; a registry that wants a client certificate \
             does that: {cure}\""
            ),
        ];
        let stranger = " --cert-file DIR/stranger.crt --key-file DIR/stranger.key";
        for shown in ["", stranger] {
            let registry = "--registry https://127.0.0.1:CLOSED --ca-file DIR/server-ca.crt -o json";
            let said = place.said(Path::new("/nonexistent"), &format!("{registry}{shown}"));
            let why = said.lines().map(str::trim).find_map(|line| line.strip_prefix("\"why\": "));
            assert!(either.iter().any(|wanted| why == Some(wanted)), "{why:?} {said}");
        }
    });
}

#[test]
fn every_cure_works() {
    on_every_registry(|| {
        let Some(place) = Place::start("TLS cures") else { return };
        let at = |name: &str| place.dir.path().join(name);
        // A user's own certs.d, as podman and skopeo read it.
        let home = TempDir::new().unwrap();
        for (daemon, files) in [
            (&place.own, &[("own.crt", "ca.crt")][..]),
            (
                &place.closed,
                &[("server-ca.crt", "ca.crt"), ("client.crt", "client.cert"), ("client.key", "client.key")],
            ),
        ] {
            let folder = home.path().join(".config/containers/certs.d").join(daemon.host());
            fs::create_dir_all(&folder).unwrap();
            for (from, to) in files {
                fs::copy(at(from), folder.join(to)).unwrap();
            }
        }
        let nowhere = Path::new("/nonexistent");
        let client = "--cert-file DIR/client.crt --key-file DIR/client.key";
        for (home, arguments) in [
        (nowhere, "--registry http://127.0.0.1:PLAIN".to_owned()),
        (nowhere, "--registry https://127.0.0.1:OWN --ca-file DIR/own.crt".into()),
        (nowhere, "--registry https://127.0.0.1:OWN --tls-verify=false".into()),
        (nowhere, "--registry https://127.0.0.1:EXPIRED --insecure".into()),
        (
            nowhere,
            "--registry https://registry.test:OWN --resolve registry.test:OWN:127.0.0.1 --ca-file DIR/own.crt".into(),
        ),
        (nowhere, format!("--registry https://127.0.0.1:CLOSED --ca-file DIR/server-ca.crt {client}")),
        (nowhere, format!("--registry https://127.0.0.1:CLOSED --tls-verify=false {client}")),
        (home.path(), "--registry https://127.0.0.1:OWN".into()),
        (home.path(), "--registry https://127.0.0.1:CLOSED".into()),
    ] {
        let said = place.said(home, &format!("{arguments} --storage DIR/root"));
        let status = said.lines().nth(1);
        assert_eq!(status, Some("status 0"), "{said}");
    }
    });
}
