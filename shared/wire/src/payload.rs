//! bincode for our own local files, and for nothing that a peer sends.
//!
//! The crate is finished and no longer maintained; it is pinned, and nobody but this module calls
//! it, so that another encoding can take its place with a new version of the files.

use bincode::{Decode, Encode};

/// Greatest size of one value read, in bytes: a damaged length must not fill the memory.
const BYTES_MAX: usize = 64 << 20;

/// The bytes of a value.
pub(crate) fn to_bytes<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, bincode::config::standard())
        .expect("values of the log have no state that cannot be written")
}

/// Reads a value; the text says what is wrong.
pub(crate) fn from_bytes<T: Decode<()>>(bytes: &[u8]) -> Result<T, String> {
    let config = bincode::config::standard().with_limit::<BYTES_MAX>();
    match bincode::decode_from_slice(bytes, config) {
        Ok((value, length)) if length == bytes.len() => Ok(value),
        Ok(_) => Err("bytes are left over".to_string()),
        Err(error) => Err(error.to_string()),
    }
}
