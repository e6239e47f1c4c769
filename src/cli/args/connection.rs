//! How registries are talked to.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::values::{Secret, duration};
use crate::adapters::registry::{Override, PlainStore};

/// How the registry is talked to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// User and password; without the password it is asked for
    #[arg(long, env = "REGFSCK_CREDS", hide_env_values = true, value_name = "USER[:PASS]", aliases = ["username", "user"])]
    pub creds: Option<Secret>,
    /// Read the password of --creds from stdin
    #[arg(long, env = "REGFSCK_PASSWORD_STDIN", requires = "creds")]
    pub password_stdin: bool,
    /// A bearer token to show to the registry as it is
    #[arg(
        long,
        env = "REGFSCK_REGISTRY_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "creds"
    )]
    pub registry_token: Option<Secret>,
    /// Take credentials from this file alone, not from where docker, podman and skopeo keep them
    #[arg(long, env = "REGFSCK_AUTHFILE", value_name = "FILE", conflicts_with_all = ["creds", "registry_token"])]
    pub authfile: Option<PathBuf>,
    /// Whether the registry's certificate has to be right
    #[arg(
        long,
        env = "REGFSCK_TLS_VERIFY",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub tls_verify: Option<bool>,
    /// Accept any certificate, as --tls-verify=false does
    #[arg(long, env = "REGFSCK_INSECURE", conflicts_with = "tls_verify", aliases = ["skip-tls-verify", "insecure-skip-tls-verify"])]
    pub insecure: bool,
    /// Trust the certificates in this PEM file as well; repeatable
    #[arg(long, env = "REGFSCK_CA_FILE", value_name = "FILE", value_delimiter = ',')]
    pub ca_file: Vec<PathBuf>,
    /// Our own certificate, as PEM, where the registry wants one
    #[arg(long, env = "REGFSCK_CERT_FILE", value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// The key of --cert-file
    #[arg(long, env = "REGFSCK_KEY_FILE", value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// Trust the *.crt in this folder, and show its *.cert with the *.key of the same name
    #[arg(long, env = "REGFSCK_CERT_DIR", value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Talk plain HTTP, also to hosts that are not this one
    #[arg(long, env = "REGFSCK_PLAIN_HTTP")]
    pub plain_http: bool,
    /// Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable
    ///
    /// Credentials are never shown to a store, but the address that it is asked at is often signed, and whoever listens can use
    /// it for a while. What comes is hashed where it matters.
    #[arg(long, env = "REGFSCK_PLAIN_HTTP_STORE", value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub plain_http_store: Vec<PlainStore>,
    /// Connect to ADDR where HOST:PORT is meant, as curl does; repeatable
    #[arg(long, env = "REGFSCK_RESOLVE", value_name = "HOST:PORT:ADDR", value_delimiter = ',')]
    pub resolve: Vec<Override>,
    /// Ask so many questions at once
    #[arg(short, long, env = "REGFSCK_JOBS", value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: u16,
    /// Send at most so many requests a second
    #[arg(long, env = "REGFSCK_RATE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Try a failed request so many more times
    #[arg(long, env = "REGFSCK_RETRY_TIMES", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=20))]
    pub retry_times: u8,
    /// Give up on a request that brings nothing for so long
    #[arg(long, env = "REGFSCK_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: SignedDuration,
}

/// How `docker://` sources are talked to, where that differs from the registry.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sources")]
pub struct SourceConnectionArguments {
    /// User and password for docker:// sources
    #[arg(long, env = "REGFSCK_SRC_CREDS", hide_env_values = true, value_name = "USER[:PASS]")]
    pub src_creds: Option<Secret>,
    /// Whether the certificates of docker:// sources have to be right
    #[arg(
        long,
        env = "REGFSCK_SRC_TLS_VERIFY",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub src_tls_verify: Option<bool>,
    /// Take credentials for docker:// sources from this file alone
    #[arg(long, env = "REGFSCK_SRC_AUTHFILE", value_name = "FILE", conflicts_with = "src_creds")]
    pub src_authfile: Option<PathBuf>,
}
