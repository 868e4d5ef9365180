//! What can go wrong between two daemons.

use imprint_isa::draft_bytes::DraftError;
use thiserror::Error;

use crate::Address;

/// A message that no sound peer sends.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum InvalidMessage {
    /// A part is not there.
    #[error("a message came without its {0}")]
    Missing(&'static str),
    /// A part has a value that it never has.
    #[error("a message came with an invalid {0}")]
    Invalid(&'static str),
    /// Bytes that should be a draft.
    #[error("a message came with bytes that are no draft: {0}")]
    Draft(#[from] DraftError),
    /// Bytes that should be the next part of a compressed stream.
    #[error("a message came with bytes that do not decompress")]
    Compression,
    /// A part of a compressed stream that is not the next one.
    #[error("part {came} of a stream came where part {due} was due")]
    Order {
        /// The number of the next part.
        due: u8,
        /// The number of the part that came.
        came: u8,
    },
    /// A small message that becomes too large a one.
    #[error("a message came that is larger than {0} bytes once it is decompressed")]
    TooLarge(usize),
}

/// Why two daemons cannot talk.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum WireError {
    /// The address cannot be read.
    #[error("`{0}` is no address: give http://127.0.0.1:PORT or unix:/path/to/socket")]
    Address(String),
    /// The address is on another machine, and nothing would be encrypted.
    #[error(
        "{0} is not on this machine, and http says everything in the clear: say https, with keys of \
         master keys, or --insecure where the network is trusted"
    )]
    NotLocal(String),
    /// A daemon that encrypts, or looks at certificates, without one of its own.
    #[error(
        "{0} can only be served with a certificate: name one with --tls-identity (master keys makes it), and say https"
    )]
    NoIdentity(String),
    /// Who asks by TLS does not know whom to believe.
    #[error(
        "whom to believe at {0} is not said: name the authority that signed its certificate with --tls-ca"
    )]
    NoAuthority(String),
    /// A daemon that lets everybody in.
    #[error(
        "anybody could pull and give orders at {0}: say who may with --client-ca or --tokens, or --insecure"
    )]
    Open(String),
    /// A file of keys, certificates or tokens.
    #[error("cannot use {path}: {problem}")]
    Credentials {
        /// Which.
        path: String,
        /// Why not.
        problem: String,
    },
    /// One end does not believe the other.
    #[error("{address} is not to be trusted, or does not trust this side: {reason}")]
    Untrusted {
        /// Where.
        address: String,
        /// Which of both, why, and what to do.
        reason: String,
    },
    /// Somebody else listens there.
    #[error("{0} is in use by another program: end it, or listen elsewhere")]
    InUse(String),
    /// The operating system refused.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: String,
        /// What it said.
        reason: String,
    },
    /// Nobody answers there.
    #[error("nobody answers at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// What was tried and failed.
        reason: String,
    },
    /// Somebody answers there, and speaks no language of ours.
    #[error(
        "the conversation with {address} broke before it began ({reason}): is that a daemon of Imprint?"
    )]
    Strange {
        /// Where.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The stream broke.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The peer ended the stream.
    #[error("the peer ended the conversation")]
    Ended,
    /// Nothing came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The peer said no.
    #[error("refused: {0}")]
    Refused(String),
    /// The peer sent what no sound peer sends.
    #[error(transparent)]
    Invalid(#[from] InvalidMessage),
    /// This process could not start what drives the connection.
    #[error("cannot drive a connection: {0}")]
    Runtime(String),
}

impl WireError {
    /// The same, where it broke a conversation before the first answer.
    pub(crate) fn before_any_answer(self, address: &Address) -> WireError {
        let reason = match self {
            WireError::Lost(reason) => reason,
            error @ WireError::TimedOut => error.to_string(),
            other => return other,
        };
        WireError::Strange {
            address: address.to_string(),
            reason,
        }
    }

    /// Whether the peer is not there, or is none; trying again later may help.
    pub fn is_of_peer(&self) -> bool {
        match self {
            WireError::Unreachable { .. }
            | WireError::Strange { .. }
            | WireError::Lost(_)
            | WireError::Ended
            | WireError::TimedOut => true,
            WireError::Address(_)
            | WireError::NotLocal(_)
            | WireError::NoIdentity(_)
            | WireError::NoAuthority(_)
            | WireError::Open(_)
            | WireError::Credentials { .. }
            | WireError::Untrusted { .. }
            | WireError::InUse(_)
            | WireError::Listen { .. }
            | WireError::Refused(_)
            | WireError::Invalid(_)
            | WireError::Runtime(_) => false,
        }
    }
}

impl From<tonic::Status> for WireError {
    fn from(status: tonic::Status) -> WireError {
        let text = status.message().to_string();
        match status.code() {
            tonic::Code::FailedPrecondition
            | tonic::Code::InvalidArgument
            | tonic::Code::PermissionDenied
            | tonic::Code::Unauthenticated => WireError::Refused(text),
            _ => WireError::Lost(text),
        }
    }
}
