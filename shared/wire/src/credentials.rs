//! How this end proves who it is, and whom it believes.
//!
//! ```text
//!   Credentials ── who asks: identity, the authority that signs daemons, a token
//!   Admission ──── who is asked: identity, the authority that signs askers, the tokens that it knows
//! ```
//!
//! Keys and certificates are PEM files, as `master keys` writes them; an identity is both in one.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use tonic::{Request, Status};

use crate::tokens::{BEARER, Tokens};
use crate::{Address, WireError};

/// The header of a call that holds a token.
pub(crate) const AUTHORIZATION: &str = "authorization";

/// What one who asks has to show.
#[derive(Clone, Default)]
pub struct Credentials {
    identity: Option<Identity>,
    authority: Option<Certificate>,
    token: Token,
    is_insecure: bool,
}

impl Credentials {
    /// Shows this certificate.
    ///
    /// # Errors
    /// Where the file cannot be read, or lacks certificate or key.
    pub fn with_identity(mut self, path: &Path) -> Result<Credentials, WireError> {
        self.identity = Some(identity(path)?);
        Ok(self)
    }

    /// Believes daemons whose certificate this authority signed.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no certificate.
    pub fn with_authority(mut self, path: &Path) -> Result<Credentials, WireError> {
        self.authority = Some(authority(path)?);
        Ok(self)
    }

    /// Shows the token in a file.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds no token.
    pub fn with_token(mut self, path: &Path) -> Result<Credentials, WireError> {
        let text = read(path)?;
        let header = format!("{BEARER}{}", text.trim()).parse().ok();
        let header = header.filter(|_| !text.trim().is_empty());
        self.token = Token(Some(header.ok_or_else(|| WireError::Credentials {
            path: path.display().to_string(),
            problem: "it holds no token: that is one line of letters and digits".to_string(),
        })?));
        Ok(self)
    }

    /// Speaks in the clear to other machines as well.
    pub fn insecure(mut self, is_insecure: bool) -> Credentials {
        self.is_insecure = is_insecure;
        self
    }

    pub(crate) fn token(&self) -> Token {
        self.token.clone()
    }

    /// How a daemon is spoken to; `None` in the clear.
    pub(crate) fn tls(&self, address: &Address) -> Result<Option<ClientTlsConfig>, WireError> {
        if !address.is_secure(self.authority.is_some()) {
            return match address.is_local() || self.is_insecure {
                true => Ok(None),
                false => Err(WireError::NotLocal(address.to_string())),
            };
        }
        let authority = self.authority.clone();
        let authority = authority.ok_or_else(|| WireError::NoAuthority(address.to_string()))?;
        let config = ClientTlsConfig::new().ca_certificate(authority);
        Ok(Some(match &self.identity {
            Some(identity) => config.identity(identity.clone()),
            None => config,
        }))
    }
}

/// Puts a token in each call.
#[derive(Clone, Default)]
pub(crate) struct Token(Option<MetadataValue<Ascii>>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            request.metadata_mut().insert(AUTHORIZATION, header.clone());
        }
        Ok(request)
    }
}

/// Whom a daemon lets in.
#[derive(Clone, Default)]
pub struct Admission {
    pub(crate) identity: Option<Identity>,
    pub(crate) authority: Option<Certificate>,
    pub(crate) tokens: Option<Tokens>,
    is_insecure: bool,
}

impl Admission {
    /// Shows this certificate to all who ask.
    ///
    /// # Errors
    /// Where the file cannot be read, or lacks certificate or key.
    pub fn with_identity(mut self, path: &Path) -> Result<Admission, WireError> {
        self.identity = Some(identity(path)?);
        Ok(self)
    }

    /// Lets those in whose certificate this authority signed, for what it says that they may.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no certificate.
    pub fn with_authority(mut self, path: &Path) -> Result<Admission, WireError> {
        self.authority = Some(authority(path)?);
        Ok(self)
    }

    /// Lets those in who have a token of this file.
    ///
    /// # Errors
    /// Where the file cannot be read, or a line is none of a token.
    pub fn with_tokens(mut self, path: &Path) -> Result<Admission, WireError> {
        self.tokens = Some(Tokens::open(path)?);
        Ok(self)
    }

    /// Lets everybody in whom nothing else keeps out, from other machines and in the clear too.
    pub fn insecure(mut self, is_insecure: bool) -> Admission {
        self.is_insecure = is_insecure;
        self
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.authority.is_none() && self.tokens.is_none()
    }

    /// Refuses what would let in whom nobody meant to.
    ///
    /// # Errors
    /// The sentence that says so.
    pub fn check(&self, address: &Address) -> Result<(), WireError> {
        let is_secure = address.is_secure(self.identity.is_some());
        let address_text = || address.to_string();
        match is_secure {
            true if self.identity.is_none() => Err(WireError::NoIdentity(address_text())),
            true if self.is_open() && !self.is_insecure => Err(WireError::Open(address_text())),
            false if self.authority.is_some() => Err(WireError::NoIdentity(address_text())),
            false if !address.is_local() && !self.is_insecure => {
                Err(WireError::NotLocal(address_text()))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn read(path: &Path) -> Result<String, WireError> {
    std::fs::read_to_string(path).map_err(|error| WireError::Credentials {
        path: path.display().to_string(),
        problem: error.to_string(),
    })
}

fn authority(path: &Path) -> Result<Certificate, WireError> {
    let text = read(path)?;
    require(
        path,
        "certificate",
        CertificateDer::from_pem_slice(text.as_bytes()),
    )?;
    Ok(Certificate::from_pem(text))
}

fn identity(path: &Path) -> Result<Identity, WireError> {
    let text = read(path)?;
    require(
        path,
        "certificate",
        CertificateDer::from_pem_slice(text.as_bytes()),
    )?;
    require(
        path,
        "private key",
        PrivateKeyDer::from_pem_slice(text.as_bytes()),
    )?;
    Ok(Identity::from_pem(&text, &text))
}

fn require<T, E>(path: &Path, what: &str, found: Result<T, E>) -> Result<(), WireError> {
    found.map(drop).map_err(|_| WireError::Credentials {
        path: path.display().to_string(),
        problem: format!("it holds no {what} in PEM form; master keys writes such files"),
    })
}
