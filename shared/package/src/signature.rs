//! Signatures of packages: Ed25519 over the hash of what the file holds.
//!
//! A private key is a PKCS#8 document, as `openssl genpkey -algorithm ed25519 -outform DER` writes it
//! too; a public key is 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use thiserror::Error;

/// Signed before the hash, so that a signature of it means nothing else.
const CONTEXT: &[u8] = b"imprint packages\0";
/// Bytes of a public key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// Why a key is none, or a signature not that of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// No private key.
    #[error("it holds no Ed25519 key in PKCS#8 form; master package-key makes one")]
    PrivateKey,
    /// No public key.
    #[error("it holds no public key of 64 hexadecimal digits")]
    PublicKey,
    /// The system has no random numbers for a new key.
    #[error("the system gives no random numbers")]
    Random,
    /// The signature is of something else.
    #[error("its signature does not fit what it holds")]
    Wrong,
}

/// Whoever signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The document of a new key.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn generate() -> Result<Vec<u8>, SignatureError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document = document.map_err(|_| SignatureError::Random)?;
        Ok(document.as_ref().to_vec())
    }

    /// The key of a document.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_document(document: &[u8]) -> Result<SigningKey, SignatureError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document);
        pair.map(SigningKey).map_err(|_| SignatureError::PrivateKey)
    }

    /// What others check signatures with.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; KEY_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The signature of what a file holds.
    pub(crate) fn sign(&self, content: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes.copy_from_slice(self.0.sign(&signed(content)).as_ref());
        bytes
    }
}

/// What signatures are checked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey(pub [u8; KEY_BYTES]);

impl PublicKey {
    /// Checks a signature.
    ///
    /// # Errors
    /// Where it is of something else, or of another key.
    pub(crate) fn check(self, content: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        let checked = key.verify(&signed(content), signature);
        checked.map_err(|_| SignatureError::Wrong)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.iter();
        bytes.try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<PublicKey, SignatureError> {
        let text = text.trim();
        let mut bytes = [0; KEY_BYTES];
        if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SignatureError::PublicKey);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| SignatureError::PublicKey)?;
        }
        Ok(PublicKey(bytes))
    }
}

fn signed(content: &[u8]) -> Vec<u8> {
    [CONTEXT, blake3::hash(content).as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_its_key_and_its_content_alone() {
        let key =
            || SigningKey::from_document(&SigningKey::generate().expect("random")).expect("one");
        let (one, other) = (key(), key());
        let signature = one.sign(b"content");
        assert_eq!(one.public().check(b"content", &signature), Ok(()));
        for (public, content) in [
            (one.public(), &b"contents"[..]),
            (other.public(), b"content"),
        ] {
            let checked = public.check(content, &signature);
            assert_eq!(checked, Err(SignatureError::Wrong));
        }
        let text = one.public().to_string();
        assert_eq!(text.parse(), Ok(one.public()));
        assert_eq!(
            text[1..].parse::<PublicKey>(),
            Err(SignatureError::PublicKey)
        );
        assert!(SigningKey::from_document(b"nonsense").is_err());
    }
}
