//! Where a daemon is: a host and port, or a Unix socket.
//!
//! Who can pull or give orders can run code. So what is not encrypted stays on this machine, unless the
//! user says that the network is to be trusted: [`Address::is_local`] is asked in the two places that open
//! sockets.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::WireError;

/// Where a daemon listens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// A host and port.
    Tcp(HostPort),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// A host and port, and how it is spoken to there.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostPort {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port; 0 takes a free one where somebody listens.
    pub port: u16,
    /// What the address says of encryption.
    pub scheme: Scheme,
}

/// Whether what is said is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// Nobody said: it is, where there are keys for it.
    Unsaid,
    /// In the clear.
    Http,
    /// By TLS.
    Https,
}

impl HostPort {
    /// Whether this is encrypted, given that there are keys for it or not.
    pub fn is_secure(&self, has_keys: bool) -> bool {
        match self.scheme {
            Scheme::Unsaid => has_keys,
            Scheme::Http => false,
            Scheme::Https => true,
        }
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Host and port as a URL has them.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl Address {
    /// Whether no other machine hears what is said there.
    pub fn is_local(&self) -> bool {
        match self {
            Address::Tcp(place) => place.is_loopback(),
            Address::Unix(_) => true,
        }
    }

    /// Whether what is said there is encrypted, given that there are keys for it or not.
    pub fn is_secure(&self, has_keys: bool) -> bool {
        match self {
            Address::Tcp(place) => place.is_secure(has_keys),
            Address::Unix(_) => false,
        }
    }
}

impl FromStr for Address {
    type Err = WireError;

    /// Reads `http://127.0.0.1:7400`, `https://build-host:7400`, `build-host:7400`,
    /// `https://[::1]:7400` or `unix:/path/to/socket`.
    fn from_str(text: &str) -> Result<Address, WireError> {
        let unreadable = || WireError::Address(text.to_string());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(unreadable())
            } else {
                Ok(Address::Unix(PathBuf::from(path)))
            };
        }
        let schemes = [("http://", Scheme::Http), ("https://", Scheme::Https)];
        let (scheme, rest) = schemes
            .into_iter()
            .find_map(|(prefix, scheme)| Some((scheme, text.strip_prefix(prefix)?)))
            .unwrap_or((Scheme::Unsaid, text));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = host_and_port(rest).ok_or_else(unreadable)?;
        Ok(Address::Tcp(HostPort { host, port, scheme }))
    }
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), address.port()));
    }
    let (host, port) = text.rsplit_once(':')?;
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let is_name = !host.is_empty() && host.chars().all(is_of_name);
    is_name.then_some(())?;
    // One name of two addresses would listen at whichever comes first.
    let host = if host == "localhost" {
        "127.0.0.1"
    } else {
        host
    };
    Some((host.to_string(), port.parse().ok()?))
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(place) => {
                let scheme = match place.scheme {
                    Scheme::Https => "https",
                    Scheme::Unsaid | Scheme::Http => "http",
                };
                write!(formatter, "{scheme}://{}", place.authority())
            }
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_back() {
        for (text, written, is_local) in [
            ("http://127.0.0.1:7400", "http://127.0.0.1:7400", true),
            ("127.0.0.1:7400", "http://127.0.0.1:7400", true),
            ("http://localhost:0/", "http://127.0.0.1:0", true),
            ("https://[::1]:7400", "https://[::1]:7400", true),
            ("http://10.0.0.4:7400", "http://10.0.0.4:7400", false),
            ("0.0.0.0:7400", "http://0.0.0.0:7400", false),
            ("http://[::]:7400", "http://[::]:7400", false),
            ("https://build-host:7400", "https://build-host:7400", false),
            ("unix:/run/imprint.socket", "unix:/run/imprint.socket", true),
            (
                "unix:///run/imprint.socket",
                "unix:/run/imprint.socket",
                true,
            ),
        ] {
            let address = text.parse::<Address>().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(address.is_local(), is_local, "{text}");
        }
    }

    #[test]
    fn who_does_not_say_how_is_encrypted_where_there_are_keys() {
        let rows = [
            ("h:1", false, true),
            ("http://h:1", false, false),
            ("https://h:1", true, true),
        ];
        for (text, without, with) in rows {
            let address = text.parse::<Address>().unwrap();
            let found = [address.is_secure(false), address.is_secure(true)];
            assert_eq!(found, [without, with], "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unix:",
            "http://",
            "localhost",
            "127.0.0.1:99999",
            ":80",
            "a/b:80",
            "ftp://h:1",
            "u@h:1",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error, WireError::Address(text.to_string()));
        }
    }
}
