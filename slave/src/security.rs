//! Keys, certificates and tokens: said once on the command line or in the environment, and the same for all
//! that a process connects to or listens on.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use clap::Args;
use imprint_package::PublicKey;
use imprint_wire::{Admission, Credentials, ServerLimits};

use crate::trust::public_keys;

/// Who this process is for others, whom it believes and whom it lets in.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
#[command(next_help_heading = "Keys (master keys makes them)")]
pub struct Security {
    /// Certificate and private key of this process, in one PEM file.
    #[arg(long, global = true, value_name = "FILE", env = "IMPRINT_TLS_IDENTITY")]
    pub tls_identity: Option<PathBuf>,
    /// Believe daemons whose certificate this authority signed.
    #[arg(long, global = true, value_name = "FILE", env = "IMPRINT_TLS_CA")]
    pub tls_ca: Option<PathBuf>,
    /// Let those in whose certificate this authority signed, for what it says that they may.
    #[arg(long, global = true, value_name = "FILE", env = "IMPRINT_CLIENT_CA")]
    pub client_ca: Option<PathBuf>,
    /// Show the token in this file.
    #[arg(long, global = true, value_name = "FILE", env = "IMPRINT_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Let those in who have a token that this file lists.
    #[arg(long, global = true, value_name = "FILE", env = "IMPRINT_TOKENS")]
    pub tokens: Option<PathBuf>,
    /// Take package files only that one of these public keys signed: to install them, and from whoever
    /// installs them here.
    #[arg(long, global = true, value_name = "FILE")]
    pub trusted_key: Vec<PathBuf>,
    /// Trust the network: speak in the clear to other machines too, and let in whom nothing keeps out.
    #[arg(long, global = true)]
    pub insecure: bool,
}

static SECURITY: OnceLock<Security> = OnceLock::new();

impl Security {
    /// Makes these the keys of the process; whoever says it first is heard.
    pub fn apply(self) {
        SECURITY.get_or_init(|| self);
    }
}

fn security() -> Security {
    SECURITY.get().cloned().unwrap_or_default()
}

/// What this process shows to those that it asks.
///
/// # Errors
/// Where a file cannot be read or holds something else.
pub fn credentials() -> Result<Credentials> {
    let said = security();
    let mut shown = Credentials::default().insecure(said.insecure);
    if let Some(path) = &said.tls_identity {
        shown = shown.with_identity(path)?;
    }
    if let Some(path) = &said.tls_ca {
        shown = shown.with_authority(path)?;
    }
    if let Some(path) = &said.token_file {
        shown = shown.with_token(path)?;
    }
    Ok(shown)
}

/// Whom this process lets in.
///
/// # Errors
/// Where a file cannot be read or holds something else.
pub fn admission() -> Result<Admission> {
    let said = security();
    let mut let_in = Admission::default().insecure(said.insecure);
    if let Some(path) = &said.tls_identity {
        let_in = let_in.with_identity(path).context("cannot listen")?;
    }
    if let Some(path) = &said.client_ca {
        let_in = let_in.with_authority(path).context("cannot listen")?;
    }
    if let Some(path) = &said.tokens {
        let_in = let_in.with_tokens(path).context("cannot listen")?;
    }
    Ok(let_in)
}

/// By whom package files must be signed; where there is nobody, they need not be.
///
/// # Errors
/// Where a file cannot be read or holds something else.
pub fn trusted_keys() -> Result<Vec<PublicKey>> {
    public_keys(&security().trusted_key)
}

/// What a daemon bears at most.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
#[command(next_help_heading = "Limits of the daemon")]
pub struct Burdens {
    /// Connections at once; whoever comes then is turned away and may try again.
    #[arg(long, value_name = "COUNT", default_value_t = ServerLimits::default().connections_max as u32,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Bytes of one message from a peer.
    #[arg(long, value_name = "BYTES", default_value_t = ServerLimits::default().message_bytes_max as u32,
          value_parser = clap::value_parser!(u32).range(1024..))]
    pub max_message: u32,
    /// Drafts that one slave gets in a second; who wants more waits.
    #[arg(long, value_name = "COUNT", default_value_t = ServerLimits::default().drafts_a_second_max,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_drafts: u32,
}

impl From<Burdens> for ServerLimits {
    fn from(burdens: Burdens) -> ServerLimits {
        ServerLimits {
            connections_max: burdens.max_connections as usize,
            message_bytes_max: burdens.max_message as usize,
            drafts_a_second_max: burdens.max_drafts,
        }
    }
}
