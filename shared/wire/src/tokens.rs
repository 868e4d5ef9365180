//! Tokens: secrets that stand for a name and its roles, where certificates are too much to ask for.
//!
//! ```text
//!   the daemon's file:   a line for each    BLAKE3 of the token, in hexadecimal   NAME   ROLE,ROLE
//!   the peer's file:     the token
//!   on the wire:         authorization: Bearer TOKEN, in each call
//! ```
//!
//! So who reads the daemon's file has no token, and looking one up tells nothing by the time it takes.

use std::collections::HashMap;
use std::path::Path;

use crate::role::Role;
use crate::{WireError, credentials::read};

/// How a token stands in a call's header.
pub(crate) const BEARER: &str = "Bearer ";

/// The tokens that a daemon knows.
#[derive(Clone, Default)]
pub struct Tokens(HashMap<blake3::Hash, Bearer>);

/// Whom a token stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bearer {
    pub name: String,
    pub roles: Vec<Role>,
}

/// The line of a token in the daemon's file.
pub fn token_line(token: &str, name: &str, roles: &[Role]) -> String {
    let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let hash = blake3::hash(token.as_bytes());
    format!("{} {name} {}", hash.to_hex(), roles.join(","))
}

impl Tokens {
    /// Reads a daemon's file; empty lines and those that begin with # are passed over.
    ///
    /// # Errors
    /// Where it cannot be read, or the number of the first line that is none of a token.
    pub fn open(path: &Path) -> Result<Tokens, WireError> {
        let text = read(path)?;
        let mut tokens = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (hash, bearer) = parsed(line).map_err(|problem| WireError::Credentials {
                path: path.display().to_string(),
                problem: format!("line {number}: {problem}"),
            })?;
            tokens.insert(hash, bearer);
        }
        Ok(Tokens(tokens))
    }

    /// Whom a token stands for.
    pub(crate) fn bearer(&self, token: &str) -> Option<&Bearer> {
        self.0.get(&blake3::hash(token.as_bytes()))
    }
}

fn parsed(line: &str) -> Result<(blake3::Hash, Bearer), String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [hash, name, roles] = words[..] else {
        return Err("a line has the token's hash, a name and roles: HASH NAME pull,order".into());
    };
    let hash = blake3::Hash::from_hex(hash)
        .map_err(|_| "the first word is no hash; master keys --token writes it".to_string())?;
    let roles = roles.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let name = name.to_string();
    Ok((hash, Bearer { name, roles }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_line_and_the_line_does_not_tell_it() {
        let line = token_line("open sesame", "ali", &[Role::Pull, Role::Push]);
        assert!(!line.contains("sesame"), "{line}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("# tokens\n\n{line}\n")).unwrap();
        let tokens = Tokens::open(file.path()).unwrap();
        let bearer = tokens.bearer("open sesame").unwrap();
        assert_eq!(bearer.name, "ali");
        assert_eq!(bearer.roles, [Role::Pull, Role::Push]);
        assert_eq!(tokens.bearer("open barley"), None);
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_number() {
        let hash = blake3::hash(b"x").to_hex();
        let rows = [
            ("hello".to_string(), "a line has"),
            ("zz ali pull".to_string(), "is no hash"),
            (format!("{hash} ali fly"), "`fly` is no role"),
        ];
        for (line, words) in rows {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("\n{line}\n")).unwrap();
            let error = Tokens::open(file.path()).err().unwrap().to_string();
            assert!(error.contains("line 2: "), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }
}
