//! `master keys FOLDER`: keys for two machines that talk, in one command.

use std::path::Path;

use anyhow::{Result, anyhow};
use imprint_report::print;
use imprint_slave::ending::code;
use imprint_wire::Role;

use crate::command_line::{Failure, Keys};
use crate::keys::{KeyFolder, Wanted, make_token};

/// Names under which each machine finds itself.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Width of the column of files.
const COLUMN: usize = 28;

/// Makes what is asked for and tells what each file is for.
///
/// # Errors
/// Where a file is there already or cannot be written.
pub fn keys(keys: &Keys) -> Result<u8, Failure> {
    if let Some(name) = keys.name.as_ref().or(keys.token.as_ref()) {
        check_name(name)?;
    } else if !keys.may.is_empty() {
        return Err(anyhow!("say who may that: --name NAME or --token NAME").into());
    }
    match &keys.token {
        Some(name) => token(keys, name)?,
        None => certificates(keys)?,
    }
    Ok(code::DONE)
}

/// A name is that of a file too.
fn check_name(name: &str) -> Result<()> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_reserved = name == "ca" || name.starts_with('.') || name.is_empty();
    let is_fit = !is_reserved && name.chars().all(is_of_name);
    anyhow::ensure!(
        is_fit,
        "'{name}' is no name for keys: take letters, digits, - and _"
    );
    Ok(())
}

fn token(keys: &Keys, name: &str) -> Result<()> {
    let roles = roles_or_pull(&keys.may);
    let (token, list) = make_token(&keys.folder, name, &roles)?;
    tell(&token, &format!("may {}: --token-file", listed(&roles)));
    tell(&list, "whom a daemon knows by a token: --tokens");
    Ok(())
}

fn certificates(keys: &Keys) -> Result<()> {
    let mut folder = KeyFolder::open(&keys.folder)?;
    let mut made = Vec::new();
    for wanted in wanted(keys) {
        made.push((folder.certify(&wanted, keys.days)?, purpose(&wanted)));
    }
    for path in folder.write()? {
        let purpose = made.iter().find(|(made, _)| *made == path);
        let is_key = path.extension().is_some_and(|extension| extension == "key");
        match purpose {
            Some((_, purpose)) => tell(&path, purpose),
            None if is_key => tell(&path, "signs more of them: it stays here"),
            None => tell(
                &path,
                "to be known everywhere: --tls-ca, and --client-ca of daemons",
            ),
        }
    }
    Ok(())
}

fn wanted(keys: &Keys) -> Vec<Wanted> {
    let here = THIS_MACHINE.map(str::to_string);
    let hosts: Vec<String> = keys.host.iter().cloned().chain(here).collect();
    let of = |name: &str, roles: &[Role]| Wanted {
        name: name.to_string(),
        roles: roles.to_vec(),
        hosts: hosts.clone(),
    };
    match &keys.name {
        Some(name) => vec![of(name, &roles_or_pull(&keys.may))],
        None => vec![
            of("master", &[]),
            of("slave", &[Role::Pull]),
            of("operator", &Role::ALL),
        ],
    }
}

fn roles_or_pull(said: &[Role]) -> Vec<Role> {
    match said {
        [] => vec![Role::Pull],
        roles => roles.to_vec(),
    }
}

fn purpose(wanted: &Wanted) -> String {
    match wanted.roles.as_slice() {
        [] => format!("serves on {}: --tls-identity", wanted.hosts.join(", ")),
        roles => format!("may {}: --tls-identity", listed(roles)),
    }
}

fn listed(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    names.join(", ")
}

fn tell(path: &Path, purpose: &str) {
    print(&format!("{:<COLUMN$}{purpose}", path.display().to_string()));
}
