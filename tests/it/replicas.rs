//! Two daemons on one storage, one of them stale, behind a load balancer and asked one by one.

use std::path::Path;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::finding::State;
use tempfile::TempDir;

use crate::support::certificates::self_signed;
use crate::support::missing;
use crate::support::program::free_port;
use crate::support::proxy::Nginx;
use crate::support::raw::{Raw, blob_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::Settings;
use crate::support::tree::{lose, plant, restore};

/// A daemon whose cache claims a layer that is lost, and another on the same storage that knows better.
struct Pair {
    stale: RealRegistry,
    fresh: RealRegistry,
    image: Image,
}

fn pair() -> Option<Pair> {
    let stale = RealRegistry::start(&Settings::default())?;
    let fresh = RealRegistry::start(&Settings::sharing(stale.root()))?;
    let image = Image::two_layers("a").unwrap();
    Raw::new(&stale.url()).push_image("a", "1", &image);
    lose(stale.root(), &image.layers[0].digest);
    Some(Pair { stale, fresh, image })
}

const CLAIMS: &str = "claims it and delivers nothing";
const DENIES: &str = "says that it is not there";

#[test]
fn behind_a_load_balancer_a_stale_replica_is_met_now_and_then_and_named_when_asked_by_itself() {
    on_every_registry(|| {
        let test = "a stale replica";
        let Some(Pair { stale, fresh, image }) = pair() else { return };
        let Some(nginx) = Nginx::start(&[stale.host(), fresh.host()], "") else {
            return missing("nginx", test);
        };
        let lost = image.layers[0].digest;
        let raw = Raw::new(&nginx.url());
        let mut heads: Vec<u16> = (0..4).map(|_| raw.head(&blob_path("a", &lost)).status).collect();
        heads.sort_unstable();
        assert_eq!(heads, [200, 200, 404, 404]);
        // Through the balancer whoever asks meets one or the other.
        let plain = run(["check", "--registry", &nginx.url(), "-o", "json"]);
        assert_eq!(plain.status, 1);
        assert!(!plain.findings().iter().any(|id| id.starts_with("replica-disagreement")));
        let (stale, fresh) = (stale.url(), fresh.url());
        let asked = run(["check", "--registry", &fresh, "--replica", &stale, "-o", "json"]);
        let phantom = format!("phantom-blob:a:{lost}");
        let disagreement = format!("replica-disagreement:a:{lost}");
        let wanted = [phantom.clone(), format!("missing-blob:{lost}"), disagreement.clone()];
        assert_eq!((asked.status, asked.findings()), (1, wanted.to_vec()), "{}", asked.stdout);
        let findings = asked.report().findings;
        let found = |id: &str| findings.iter().find(|finding| finding.id == id).unwrap();
        assert_eq!(found(&disagreement).message, format!("{stale} {CLAIMS}; {fresh} {DENIES}"));
        let phantom = found(&phantom);
        assert!(phantom.message.ends_with(&format!("(at {stale})")), "{phantom:?}");
        assert!(
            phantom.evidence.iter().all(|evidence| evidence.asked.to_string().contains(&stale)),
            "{phantom:?}"
        );
    });
}

#[test]
fn images_are_verified_at_every_replica() {
    on_every_registry(|| {
        let Some(Pair { stale, fresh, image }) = pair() else { return };
        let (stale, fresh) = (stale.url(), fresh.url());
        let asked = run(["verify", "--registry", &fresh, "--replica", &stale, "a:1", "-o", "json"]);
        let lost = image.layers[0].digest;
        let wanted = [format!("phantom-blob:a:{lost}"), format!("missing-blob:{lost}")];
        assert_eq!((asked.status, asked.findings()), (1, wanted.to_vec()), "{}", asked.stdout);
        let images: Vec<_> =
            asked.report().images.verified().iter().map(|image| image.name.clone()).collect();
        assert_eq!(images, [format!("a:1 at {fresh}"), format!("a:1 at {stale}")]);
    });
}

#[test]
fn with_storage_replicas_are_asked_about_the_same_suspects() {
    on_every_registry(|| {
        let Some(Pair { stale, fresh, image }) = pair() else { return };
        let lost = image.layers[0].digest;
        let root = stale.root().display().to_string();
        let (stale, fresh) = (stale.url(), fresh.url());
        let both = ["check", "--storage", &root, "-o", "json", "--registry", &stale, "--replica", &fresh];
        let asked = run(both);
        let wanted = [
            format!("phantom-blob:a:{lost}"),
            format!("missing-blob:{lost}"),
            format!("replica-disagreement:a:{lost}"),
        ];
        assert_eq!((asked.status, asked.findings()), (1, wanted.to_vec()), "{}", asked.stdout);
        assert_eq!(asked.report().findings[2].message, format!("{stale} {CLAIMS}; {fresh} {DENIES}"));
        // A replica that is down is no replica that agrees.
        let down = format!("http://127.0.0.1:{}", free_port());
        let asked = run([&both[..], &["--replica", &down, "--retry-times", "0"]].concat());
        assert_eq!((asked.status, asked.findings()), (3, wanted.to_vec()));
        assert_eq!(asked.report().coverage.unknown[0].what.to_string(), down);
        // One of another registry is told from one that knows nothing.
        let Some(stranger) = RealRegistry::start(&Settings::default()) else { return };
        let asked = run([&both[..], &["--replica", &stranger.url()]].concat());
        let why = asked.report().coverage.unknown[0].why.to_string();
        assert_eq!(asked.status, 3);
        assert!(why.starts_with("these views are not of the same registry"), "{why}");
        // An upload heals storage, and with it every replica: both are asked again to prove it.
        let backup = TempDir::new().unwrap();
        plant(backup.path(), "a", "1", &image);
        let (source, state) = (format!("storage:{}", backup.path().display()), backup.path().join("state"));
        let state = state.display().to_string();
        let fixed =
            run([&both[..], &["--fix", "--yes", "--source", &source, "--state-dir", &state]].concat());
        assert_eq!(fixed.status, 0, "{}", fixed.stdout);
        let states: Vec<_> = fixed.report().findings.iter().map(|finding| finding.state).collect();
        assert_eq!(states, [State::Repaired; 3]);
        for url in [&stale, &fresh] {
            assert_eq!(Raw::new(url).pull("a", "1", &image), Ok(()));
        }
    });
}

/// nginx at 127.0.0.2 and 127.0.0.3 in front of two daemons, as `https://registry.test:PORT`; the certificate is
/// `registry.crt` in that folder.
pub(crate) fn fronts(test: &str, dir: &Path, port: u16, upstreams: [String; 2]) -> Option<Nginx> {
    if self_signed(dir, "registry", "DNS:registry.test", 30).is_none() {
        missing("openssl", test);
        return None;
    }
    let [one, two] = upstreams;
    let servers = [("127.0.0.2", one), ("127.0.0.3", two)]
        .map(|(address, upstream)| tls_front(dir, port, address, &upstream));
    let nginx = Nginx::serving(&servers.concat(), ("127.0.0.2", port));
    if nginx.is_none() {
        missing("nginx", test);
    }
    nginx
}

fn tls_front(dir: &Path, port: u16, address: &str, upstream: &str) -> String {
    format!(
        "server {{ listen {address}:{port} ssl; server_name registry.test; client_max_body_size 0;\n\
         ssl_certificate {0}/registry.crt; ssl_certificate_key {0}/registry.key;\n\
         location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host;\n\
         proxy_set_header X-Forwarded-Proto $scheme; }} }}\n",
        dir.display()
    )
}

#[test]
fn every_address_of_a_name_is_asked_with_the_name_kept() {
    on_every_registry(|| {
        let test = "every address of a name";
        let Some(Pair { stale, fresh, image }) = pair() else { return };
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let Some(_nginx) = fronts(test, dir.path(), port, [stale.host(), fresh.host()]) else { return };
        let url = format!("https://registry.test:{port}");
        let [one, two] = ["127.0.0.2", "127.0.0.3"].map(|address| format!("registry.test:{port}:{address}"));
        let ca = dir.path().join("registry.crt").display().to_string();
        let base = ["check", "--registry", &url, "--resolve", &one, "--resolve", &two, "-o", "json"];
        let untrusted = run([&base[..], &["--retry-times", "0"]].concat());
        assert_eq!(untrusted.status, 3, "{}", untrusted.stdout);
        let asked = run([&base[..], &["--resolve-all", "--ca-file", &ca]].concat());
        let lost = image.layers[0].digest;
        let disagreement = format!("replica-disagreement:a:{lost}");
        assert_eq!((asked.status, asked.findings().last()), (1, Some(&disagreement)), "{}", asked.stdout);
        let message = asked.report().findings.pop().unwrap().message;
        assert_eq!(message, format!("{url} at 127.0.0.2 {CLAIMS}; {url} at 127.0.0.3 {DENIES}"));
        let lax = run([&base[..], &["--resolve-all", "--tls-verify=false"]].concat());
        assert_eq!(lax.findings().last(), Some(&disagreement));
        // All are healthy again when the data is back.
        restore(stale.root(), &lost);
        let healthy = run([&base[..], &["--resolve-all", "--ca-file", &ca]].concat());
        assert_eq!((healthy.status, healthy.findings()), (0, vec![]));
    });
}
