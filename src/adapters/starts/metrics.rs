//! What a daemon says of itself at the debug address of its configuration.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StartWitness;
use crate::adapters::tls::install_crypto;
use crate::domain::start::{Start, Witness};

/// How long the question may take.
const ASKING: Duration = Duration::from_secs(5);
/// The most that is read: a registry's metrics take some tens of kilobytes.
const LARGEST: usize = 8 << 20;
/// The kernel tells the time of boot in whole seconds.
const COARSE: SignedDuration = SignedDuration::from_secs(2);

/// A debug address with metrics.
#[derive(Debug, Clone)]
pub struct Metrics(pub String);

#[async_trait]
impl StartWitness for Metrics {
    async fn start(&self) -> Result<Start, String> {
        let failed = |error: reqwest::Error| format!("no metrics at {}: {}", self.0, error.without_url());
        install_crypto();
        let client = reqwest::Client::builder()
            .no_proxy()
            // Plain HTTP needs no authorities, and a bare root has none.
            .tls_certs_only([])
            .timeout(ASKING)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(failed)?;
        let response = client.get(&self.0).send().await.and_then(reqwest::Response::error_for_status);
        let mut response = response.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(format!("the metrics at {} have no end", self.0));
            }
        }
        let at = started(&String::from_utf8_lossy(&body));
        let at = at.ok_or_else(|| format!("the metrics at {} are not those of a registry", self.0))?;
        Ok(Start { at, witness: Witness::Metrics(self.0.clone()) })
    }
}

/// The start that a registry's metrics tell.
fn started(metrics: &str) -> Option<Timestamp> {
    if !metrics.lines().any(|line| line.starts_with("registry_")) {
        return None;
    }
    let value = |line: &str| line.strip_prefix("process_start_time_seconds ")?.trim().parse::<f64>().ok();
    let seconds = metrics.lines().find_map(value)?;
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).and_then(|at| at.checked_sub(COARSE)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_metrics_of_a_registry_tell() {
        let own = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.76423417e+09\n";
        let registry = format!("{own}registry_storage_cache_total{{type=\"Hit\"}} 0\n");
        assert_eq!(started(&registry).map(Timestamp::as_second), Some(1_764_234_168));
        assert_eq!(started(own), None);
        assert_eq!(started("registry_http_in_flight_requests 1\n"), None);
    }
}
