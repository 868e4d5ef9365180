//! Where a daemon listens: a loopback address or a Unix socket, nothing else.
//!
//! Nothing on the wire is encrypted or authenticated yet, and who can pull or give orders can run
//! code. So an address of another machine is refused, here, in the one place that reads addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::WireError;

/// An address on this machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// A loopback address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// A loopback socket address.
    ///
    /// # Errors
    /// [`WireError::NotLocal`] where other machines could reach it.
    pub fn tcp(address: SocketAddr) -> Result<Address, WireError> {
        if address.ip().is_loopback() {
            Ok(Address::Tcp(address))
        } else {
            Err(WireError::NotLocal(address.to_string()))
        }
    }
}

impl FromStr for Address {
    type Err = WireError;

    /// Reads `http://127.0.0.1:7400`, `127.0.0.1:7400`, `http://localhost:7400`,
    /// `http://[::1]:7400` or `unix:/path/to/socket`.
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
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let rest = rest.strip_prefix("https://").unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Ok(address) = rest.parse::<SocketAddr>() {
            return Address::tcp(address);
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(unreadable)?;
        let port: u16 = port.parse().map_err(|_| unreadable())?;
        match host {
            "localhost" => Address::tcp((IpAddr::V4(Ipv4Addr::LOCALHOST), port).into()),
            "" => Err(unreadable()),
            _ if host.contains(['/', ' ', '@']) => Err(unreadable()),
            _ => Err(WireError::NotLocal(format!("{host}:{port}"))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(formatter, "http://{address}"),
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_read_back() {
        for (text, written) in [
            ("http://127.0.0.1:7400", "http://127.0.0.1:7400"),
            ("127.0.0.1:7400", "http://127.0.0.1:7400"),
            ("http://localhost:0/", "http://127.0.0.1:0"),
            ("http://[::1]:7400", "http://[::1]:7400"),
            ("unix:/run/imprint.socket", "unix:/run/imprint.socket"),
            ("unix:///run/imprint.socket", "unix:/run/imprint.socket"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn addresses_of_other_machines_are_refused_by_name() {
        for text in [
            "http://10.0.0.4:7400",
            "0.0.0.0:7400",
            "http://[::]:7400",
            "https://build-host:7400",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(matches!(error, WireError::NotLocal(_)), "{text}: {error:?}");
            let named = text.rsplit("//").next().unwrap();
            assert!(error.to_string().starts_with(named), "{error}");
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
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error, WireError::Address(text.to_string()));
        }
    }
}
