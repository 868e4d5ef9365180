//! What a peer may do, and what each call wants of it.
//!
//! A certificate says its roles as names of the form `imprint:may-pull`, which `master keys` writes into
//! it; a token's roles stand beside it in the file of tokens.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// How a role begins as a name in a certificate.
const PREFIX: &str = "imprint:may-";

/// Something that not everybody may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Read the full image: all code and data that it holds.
    Pull,
    /// Change a running image.
    Push,
    /// Have an image written.
    Snapshot,
    /// Run expressions and tests, and end the daemon.
    Order,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Pull, Role::Push, Role::Snapshot, Role::Order];

    /// As it is written on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Pull => "pull",
            Role::Push => "push",
            Role::Snapshot => "snapshot",
            Role::Order => "order",
        }
    }

    /// As it is written in a certificate.
    pub fn certified_name(self) -> String {
        format!("{PREFIX}{}", self.name())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let found = Role::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| {
            let names = Role::ALL.map(Role::name).join(", ");
            format!("`{text}` is no role; the roles are {names}")
        })
    }
}

/// What a method of the services wants of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// That it is known here, whatever its roles.
    Anybody,
    /// A role.
    Role(Role),
}

/// Each method of the services, by the path of its requests. What does not stand here is refused.
pub const METHODS: &[(&str, Wanted)] = &[
    ("/imprint.v1.Source/Pull", Wanted::Role(Role::Pull)),
    ("/imprint.v1.Control/Status", Wanted::Anybody),
    ("/imprint.v1.Control/Run", Wanted::Role(Role::Order)),
    ("/imprint.v1.Control/Snapshot", Wanted::Role(Role::Snapshot)),
    ("/imprint.v1.Control/Stop", Wanted::Role(Role::Order)),
    ("/imprint.v1.Live/Push", Wanted::Role(Role::Push)),
    ("/imprint.v1.Live/Show", Wanted::Role(Role::Pull)),
    ("/imprint.v1.Live/Rollback", Wanted::Role(Role::Push)),
    ("/imprint.v1.Live/Take", Wanted::Role(Role::Pull)),
    ("/imprint.v1.Live/Outline", Wanted::Role(Role::Pull)),
    ("/imprint.v1.Live/Lacks", Wanted::Role(Role::Push)),
    ("/imprint.v1.Live/Wants", Wanted::Role(Role::Push)),
    ("/imprint.v1.Live/Install", Wanted::Role(Role::Push)),
    ("/imprint.v1.Live/Uninstall", Wanted::Role(Role::Push)),
];

/// The roles that a certificate names.
pub(crate) fn certified(certificate: &CertificateDer<'_>) -> Vec<Role> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else {
        return Vec::new();
    };
    let names = certificate.valid_uri_names();
    names
        .filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_back_and_others_are_refused_by_name() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        let error = "rule".parse::<Role>().unwrap_err();
        assert_eq!(
            error,
            "`rule` is no role; the roles are pull, push, snapshot, order"
        );
    }

    #[test]
    fn a_certificate_names_its_roles() {
        let roles = [Role::Pull, Role::Order];
        let name = |role: Role| rcgen::SanType::URI(role.certified_name().try_into().unwrap());
        let mut parameters = rcgen::CertificateParams::default();
        parameters.subject_alt_names = roles.map(name).to_vec();
        let other = "imprint:may-fly".try_into().unwrap();
        parameters
            .subject_alt_names
            .push(rcgen::SanType::URI(other));
        let key = rcgen::KeyPair::generate().unwrap();
        let made = parameters.self_signed(&key).unwrap();
        assert_eq!(certified(made.der()), roles);
        assert_eq!(certified(&CertificateDer::from(vec![1, 2, 3])), []);
    }
}
