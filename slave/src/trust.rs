//! Package files that are taken: whole, and signed by somebody whom this process trusts.

use std::path::Path;

use anyhow::{Context, Result, bail};
use imprint_isa::Package;
use imprint_package::{PublicKey, read_packages};

/// Reads the public keys in some files.
///
/// # Errors
/// Where one cannot be read or holds something else.
pub fn public_keys(paths: &[impl AsRef<Path>]) -> Result<Vec<PublicKey>> {
    paths.iter().map(|path| public_key(path.as_ref())).collect()
}

fn public_key(path: &Path) -> Result<PublicKey> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let key = text.parse();
    key.with_context(|| format!("cannot trust {}", path.display()))
}

/// The packages of a file, which one of the keys signed where there are any.
///
/// # Errors
/// Where the file is not what its maker wrote, or none of the keys signed it.
pub fn trusted_packages(name: &str, bytes: &[u8], keys: &[PublicKey]) -> Result<Vec<Package>> {
    let read = read_packages(bytes).with_context(|| format!("cannot use {name}"))?;
    check_signer(read.signer, keys).with_context(|| format!("cannot use {name}"))?;
    Ok(read.packages)
}

/// Refuses a file that none of the keys signed, where there are any.
fn check_signer(signer: Option<PublicKey>, keys: &[PublicKey]) -> Result<()> {
    match signer {
        _ if keys.is_empty() => Ok(()),
        Some(signer) if keys.contains(&signer) => Ok(()),
        Some(signer) => {
            bail!("it was signed with the key {signer}, which is none of the trusted ones")
        }
        None => bail!("it is not signed; have its maker sign it, or leave --trusted-key out"),
    }
}
