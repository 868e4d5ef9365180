//! What is wrong where two ends do not believe each other, as a sentence that says what to do.

use std::error::Error;

use rustls::{AlertDescription, CertificateError};

use crate::{Address, WireError};

/// What the layers of an error say of trust; nothing where it is about something else.
pub(crate) fn distrust(error: &(dyn Error + 'static), address: &Address) -> Option<WireError> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut text = String::new();
    while let Some(found) = cause {
        if let Some(reason) = typed(found).and_then(reason) {
            return Some(untrusted(address, reason));
        }
        text = found.to_string();
        cause = found.source();
    }
    // HTTP/2 keeps of an error below it no more than its text.
    let alert = ALERTS
        .iter()
        .find(|(alert, _)| text.contains(&format!("fatal alert: {alert:?}")));
    alert.map(|(_, reason)| untrusted(address, (*reason).to_string()))
}

fn untrusted(address: &Address, reason: String) -> WireError {
    let address = address.to_string();
    WireError::Untrusted { address, reason }
}

/// An error of TLS, or one that an error of the system wraps.
fn typed<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || error.downcast_ref::<std::io::Error>()?.get_ref();
    error
        .downcast_ref::<rustls::Error>()
        .or_else(|| wrapped()?.downcast_ref::<rustls::Error>())
}

/// What the other end says of this one.
const ALERTS: &[(AlertDescription, &str)] = &[
    (
        AlertDescription::UnknownCA,
        "it does not know the authority that signed this side's certificate: show one of its own \
         with --tls-identity",
    ),
    (
        AlertDescription::DecryptError,
        "it knows another authority of the same name than the one that signed this side's \
         certificate: show one of its own with --tls-identity",
    ),
    (
        AlertDescription::CertificateExpired,
        "this side's certificate has expired: make a new one with master keys",
    ),
    (
        AlertDescription::BadCertificate,
        "it cannot read this side's certificate: make a new one with master keys",
    ),
    (
        AlertDescription::CertificateRequired,
        "it wants a certificate: show one with --tls-identity",
    ),
];

fn reason(error: &rustls::Error) -> Option<String> {
    match error {
        rustls::Error::AlertReceived(alert) => {
            let known = ALERTS.iter().find(|(known, _)| known == alert);
            known.map(|(_, reason)| (*reason).to_string())
        }
        rustls::Error::InvalidCertificate(problem) => Some(of_certificate(problem)),
        rustls::Error::InvalidMessage(_) => {
            Some("it does not speak TLS: say http:// where it listens so".to_string())
        }
        _ => None,
    }
}

fn of_certificate(problem: &CertificateError) -> String {
    use CertificateError as Problem;
    match problem {
        Problem::UnknownIssuer | Problem::BadSignature => {
            "its certificate is not signed by the authority of --tls-ca: name the right one, or ask \
             who answers there"
                .to_string()
        }
        Problem::Expired | Problem::ExpiredContext { .. } => {
            "its certificate has expired: make a new one with master keys".to_string()
        }
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => {
            "its certificate is not valid yet: set the clocks of both machines".to_string()
        }
        Problem::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is not for {} but for {}: use that name, or make one with \
             master keys FOLDER --name NAME --host {}",
            expected.to_str(),
            presented.join(", "),
            expected.to_str()
        ),
        other => format!("its certificate is no good: {other}"),
    }
}
