//! A folder of keys: an authority, certificates that it signs, and tokens.
//!
//! ```text
//!   ca.key ── signs ──> NAME.pem: certificate and private key, with the hosts it is for and the roles it has
//!   ca.pem ── what others need to know of it
//!   tokens ── hashes of NAME.token, each with name and roles
//! ```
//!
//! Nothing that is there is ever written over, and what is secret only its owner can read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use imprint_image::write_beside_and_rename;
use imprint_wire::Role;
use imprint_wire::tokens::token_line;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

/// What an authority holds longer than any certificate, in days.
const AUTHORITY_DAYS: u32 = 36_500;
/// Clocks that go slow still find a certificate valid.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// Only the owner reads secrets.
const SECRET_MODE: u32 = 0o600;

/// A certificate that is wanted.
pub struct Wanted {
    /// Its name, and that of its file.
    pub name: String,
    /// What it may.
    pub roles: Vec<Role>,
    /// Where daemons run that show it.
    pub hosts: Vec<String>,
}

/// A folder of keys.
pub struct KeyFolder {
    path: PathBuf,
    authority: Authority,
    /// What is to be written, in this order: file, content.
    written: Vec<(PathBuf, String)>,
}

struct Authority {
    parameters: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn of(key: KeyPair) -> Authority {
        let mut parameters = valid_for(AUTHORITY_DAYS);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Two authorities have two names: so a peer can say which it does not know.
        let id = blake3::hash(key.public_key_raw()).to_hex();
        let name = format!("Imprint authority {}", &id[..12]);
        parameters.distinguished_name.push(DnType::CommonName, name);
        Authority { parameters, key }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.parameters, &self.key)
    }
}

impl KeyFolder {
    /// Opens a folder, which is made where it is not there, with its authority or a new one.
    ///
    /// # Errors
    /// Where the key of the authority cannot be read.
    pub fn open(path: &Path) -> Result<KeyFolder> {
        let key_path = path.join("ca.key");
        let mut written = Vec::new();
        let authority = if key_path.exists() {
            let unreadable = || format!("cannot use {}", key_path.display());
            let text = fs::read_to_string(&key_path).with_context(unreadable)?;
            Authority::of(KeyPair::from_pem(&text).with_context(unreadable)?)
        } else {
            let authority = Authority::of(KeyPair::generate()?);
            let certificate = authority.parameters.self_signed(&authority.key)?;
            written.push((path.join("ca.pem"), certificate.pem()));
            written.push((key_path, authority.key.serialize_pem()));
            authority
        };
        Ok(KeyFolder {
            path: path.to_path_buf(),
            authority,
            written,
        })
    }

    /// Makes a certificate; answers its file.
    ///
    /// # Errors
    /// Where a host is no name that a certificate can hold.
    pub fn certify(&mut self, wanted: &Wanted, days: u32) -> Result<PathBuf> {
        let key = KeyPair::generate()?;
        let certificate = self.sign(wanted, days, &key)?;
        let path = self.path.join(format!("{}.pem", wanted.name));
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        self.written.push((path.clone(), text));
        Ok(path)
    }

    fn sign(&self, wanted: &Wanted, days: u32, key: &KeyPair) -> Result<Certificate> {
        let mut parameters = valid_for(days);
        let name = wanted.name.as_str();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let hosts = CertificateParams::new(wanted.hosts.clone());
        let hosts = hosts.with_context(|| format!("{:?} are no names of hosts", wanted.hosts))?;
        parameters.subject_alt_names = hosts.subject_alt_names;
        for role in &wanted.roles {
            let name = role.certified_name().try_into()?;
            parameters.subject_alt_names.push(SanType::URI(name));
        }
        Ok(parameters.signed_by(key, &self.authority.issuer())?)
    }

    /// Writes what was made, or nothing; answers the files.
    ///
    /// # Errors
    /// Where one of the files is there already, or the system refuses.
    pub fn write(self) -> Result<Vec<PathBuf>> {
        fs::create_dir_all(&self.path)
            .with_context(|| format!("cannot make {}", self.path.display()))?;
        write_new(self.written)
    }
}

/// Makes a token and adds its line to the list in the folder; answers the token's file and the list.
///
/// # Errors
/// Where there is a token of that name, or the system refuses.
pub fn make_token(folder: &Path, name: &str, roles: &[Role]) -> Result<(PathBuf, PathBuf)> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // A private key is made of the system's random bytes, and what is hashed of it is as random.
    let secret = KeyPair::generate()?;
    let token = blake3::hash(secret.serialized_der()).to_hex().to_string();
    let path = folder.join(format!("{name}.token"));
    let list = folder.join("tokens");
    let known = match fs::read_to_string(&list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("cannot read {}", list.display()))?,
    };
    write_new(vec![(path.clone(), format!("{token}\n"))])?;
    let lines = format!("{known}{}\n", token_line(&token, name, roles));
    write_beside_and_rename(&list, lines.as_bytes())?;
    Ok((path, list))
}

/// Writes files that are not there yet, all or none.
fn write_new(files: Vec<(PathBuf, String)>) -> Result<Vec<PathBuf>> {
    for (path, _) in &files {
        ensure!(
            !path.exists(),
            "{} is there already: take another name, or move it away first",
            path.display()
        );
    }
    let mut done = Vec::new();
    for (path, text) in files {
        if let Err(error) = write_secret(&path, &text) {
            // What was written is of no use without the rest.
            done.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error);
        }
        done.push(path);
    }
    Ok(done)
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(SECRET_MODE);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Parameters of a certificate that holds from now on, for so many days.
fn valid_for(days: u32) -> CertificateParams {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = date_time_ymd(1970, 1, 1) + now.unwrap_or_default();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.not_before = now - GRACE;
    // A second less, so that one of no days has expired.
    let held = Duration::from_secs(u64::from(days) * 24 * 3600);
    parameters.not_after = now + held - Duration::from_secs(1);
    parameters
}
