//! TLS, as it is set up in real places.

use std::fs;
use std::path::Path;

use regfsck::adapters::registry::{self, Connection, Tls, connect};
use regfsck::domain::views::served::{Answer, Delivery};
use tempfile::TempDir;

use super::{client, connection, digest, name, noise};
use crate::support::certificates::{Pair, self_signed, signed_by_ca};
use crate::support::missing;
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::settings::Settings;

const HERE: &str = "IP:127.0.0.1,DNS:localhost,DNS:registry.test";

fn daemon(test: &str, pair: Option<&Pair>, client_ca: Option<&Path>) -> Option<RealRegistry> {
    let Some(pair) = pair else {
        missing("openssl", test);
        return None;
    };
    let cas = client_ca.map(|ca| format!("    clientcas:\n      - {}\n", ca.display())).unwrap_or_default();
    let http = format!(
        "  tls:\n    certificate: {}\n    key: {}\n{cas}",
        pair.certificate.display(),
        pair.key.display()
    );
    RealRegistry::start(&Settings { http, ..Settings::default() })
}

fn over_tls(daemon: &RealRegistry, host: &str, tls: Tls) -> Connection {
    let mut settings = connection(&format!("https://{host}:{}", daemon.port()));
    settings.tls = tls;
    settings
}

fn trusting(files: &[&Path]) -> Tls {
    let ca_files = files.iter().map(|file| file.to_path_buf()).collect();
    Tls { ca_files, certs_d: Vec::new(), ..Tls::default() }
}

async fn ping(settings: &Connection) -> Result<(), (String, Option<String>)> {
    let daemon = registry::daemon(settings).map_err(|error| (error.to_string(), None))?;
    daemon.reader.ping().await.map_err(|error| (error.reason(), error.hint.map(String::from)))
}

#[test]
fn the_usual_self_signed_certificate_works_once_it_is_given() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let pair = self_signed(dir.path(), "server", HERE, 30);
        let Some(daemon) = daemon("the_usual_self_signed…", pair.as_ref(), None) else { return };
        let pair = pair.unwrap();
        let given = trusting(&[&pair.certificate]);
        assert_eq!(ping(&over_tls(&daemon, "127.0.0.1", given.clone())).await, Ok(()));
        assert_eq!(ping(&over_tls(&daemon, "localhost", given.clone())).await, Ok(()));
        let (why, hint) = ping(&over_tls(&daemon, "127.0.0.1", trusting(&[]))).await.unwrap_err();
        assert_eq!(why, "the registry's certificate is self-signed, and this machine does not know it");
        assert!(hint.unwrap().starts_with("give that very certificate with --ca-file"));
        let lax = Tls { verify: false, ..trusting(&[]) };
        assert_eq!(ping(&over_tls(&daemon, "127.0.0.1", lax)).await, Ok(()));
        // Another self-signed certificate does not help, and the given one does not serve another name.
        let other = self_signed(dir.path(), "other", HERE, 30).unwrap();
        assert!(ping(&over_tls(&daemon, "127.0.0.1", trusting(&[&other.certificate]))).await.is_err());
        let mut wrong = over_tls(&daemon, "wrong.test", given);
        wrong.resolve = vec![format!("wrong.test:{}:127.0.0.1", daemon.port()).parse().unwrap()];
        let (why, _) = ping(&wrong).await.unwrap_err();
        assert!(why.starts_with("the registry's certificate is not for this host name"), "{why}");
    });
}

#[test]
fn an_expired_certificate_is_refused_also_if_it_is_given() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let pair = self_signed(dir.path(), "server", HERE, -1);
        let Some(daemon) = daemon("an_expired…", pair.as_ref(), None) else { return };
        let given = trusting(&[&pair.unwrap().certificate]);
        let (why, _) = ping(&over_tls(&daemon, "127.0.0.1", given)).await.unwrap_err();
        assert_eq!(why, "the registry's certificate has expired");
    });
}

#[test]
fn a_private_ca_certs_d_and_client_certificates() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let made = signed_by_ca(dir.path(), "server", HERE);
        let client = signed_by_ca(dir.path(), "client", "DNS:client");
        let client_ca = client.as_ref().map(|(ca, _)| ca.as_path());
        let Some(daemon) = daemon("a_private_ca…", made.as_ref().map(|(_, pair)| pair), client_ca) else {
            return;
        };
        let ((ca, _), (_, client)) = (made.unwrap(), client.unwrap());
        let (why, hint) = ping(&over_tls(&daemon, "127.0.0.1", trusting(&[]))).await.unwrap_err();
        assert_eq!(why, "the registry's certificate is signed by nobody whom this machine trusts");
        assert!(hint.unwrap().starts_with("give its CA with --ca-file"));
        let (why, hint) = ping(&over_tls(&daemon, "127.0.0.1", trusting(&[&ca]))).await.unwrap_err();
        assert_eq!(why, "the registry does not accept us without a client certificate that it trusts");
        assert!(hint.unwrap().starts_with("give one with --cert-file and --key-file"));
        let identity = Some((client.certificate.clone(), client.key.clone()));
        let whole = Tls { identity, ..trusting(&[&ca]) };
        assert_eq!(ping(&over_tls(&daemon, "127.0.0.1", whole)).await, Ok(()));
        let folder = dir.path().join("certs.d").join(format!("127.0.0.1:{}", daemon.port()));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(&ca, folder.join("ca.crt")).unwrap();
        fs::copy(&client.certificate, folder.join("client.cert")).unwrap();
        let from_folder = Tls { certs_d: vec![dir.path().join("certs.d")], ..trusting(&[]) };
        let (why, _) = ping(&over_tls(&daemon, "127.0.0.1", from_folder.clone())).await.unwrap_err();
        assert!(why.ends_with("client.key` is missing"), "{why}");
        fs::copy(&client.key, folder.join("client.key")).unwrap();
        assert_eq!(ping(&over_tls(&daemon, "127.0.0.1", from_folder)).await, Ok(()));
    });
}

#[test]
fn plain_http_to_a_tls_port_and_a_name_kept_over_an_address() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let pair = self_signed(dir.path(), "server", "DNS:registry.test", 30);
        let Some(daemon) = daemon("plain_http…", pair.as_ref(), None) else { return };
        let (why, hint) = ping(&connection(&daemon.url())).await.unwrap_err();
        assert_eq!(why, "this port speaks TLS, and it was asked in plain HTTP");
        assert!(hint.unwrap().starts_with("write https://"));
        // Without a scheme, a loopback host is found to speak TLS.
        let mut settings = connection(&daemon.host());
        settings.tls = Tls { verify: false, ..trusting(&[]) };
        let registry = connect(&mut settings).await.unwrap().reader;
        assert_eq!(registry.location(), format!("https://{}", daemon.host()));
        let given = trusting(&[&pair.unwrap().certificate]);
        let named = over_tls(&daemon, "registry.test", given).at("127.0.0.1".parse().unwrap());
        assert_eq!(ping(&named).await, Ok(()));
        assert_eq!(named.addresses().await.unwrap(), ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
        assert!(daemon.log().contains(&format!("registry.test:{}", daemon.port())));
    });
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("empty.pem");
    fs::write(&file, "nothing").unwrap();
    let tls = trusting(&[&file]);
    let mut settings = connection("https://127.0.0.1:1");
    settings.tls = tls;
    let (why, _) = ping(&settings).await.unwrap_err();
    assert_eq!(
        why,
        format!(
            "cannot speak to https://127.0.0.1:1/: there is no certificate in `{}`: PEM is needed",
            file.display()
        )
    );
}

#[test]
fn without_verification_plain_http_is_found_too() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        for (verify, expected) in [(false, true), (true, false)] {
            let mut settings =
                connection(&format!("registry.test:{}", daemon.port())).at("127.0.0.1".parse().unwrap());
            settings.tls = Tls { verify, ..trusting(&[]) };
            let found = connect(&mut settings).await;
            assert_eq!(found.is_ok(), expected, "{:?}", found.err());
        }
    });
}

#[test]
fn a_phantom_delivers_nothing_over_tls_either() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let pair = self_signed(dir.path(), "server", HERE, 30);
        let Some(daemon) = daemon("a_phantom…over_tls", pair.as_ref(), None) else { return };
        let settings = over_tls(&daemon, "127.0.0.1", trusting(&[&pair.unwrap().certificate]));
        let bytes = noise(3 << 20, 11);
        let writer = client(&settings).writer;
        writer.upload_blob(&name("a"), &digest(&bytes), &bytes).await.unwrap();
        let registry = client(&settings).reader;
        assert_eq!(
            registry.byte(&name("a"), &digest(&bytes), 0).await.answer,
            Answer::Yes(Delivery::Byte(Some(bytes.len() as u64)))
        );
        let got = registry.fetch_blob(&name("a"), &digest(&bytes), &mut tokio::io::sink()).await.unwrap();
        assert_eq!((got.digest, got.size), (digest(&bytes), 3 << 20));
        fs::rename(daemon.data_file(&digest(&bytes)), daemon.root().join("kept")).unwrap();
        assert!(registry.head_blob(&name("a"), &digest(&bytes)).await.answer.yes().is_some());
        assert_eq!(
            registry.byte(&name("a"), &digest(&bytes), 0).await.answer,
            Answer::Yes(Delivery::Nothing)
        );
    });
}
