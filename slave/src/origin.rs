//! Who puts code into other machines from here.

use std::path::Path;

/// The user, the machine, and the folder that the code comes from: pushes of the same user out of the same folder
/// are one hand's, wherever the shell stands.
pub fn of(folder: &Path) -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_string());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let whole = folder.canonicalize();
    let folder = whole.as_deref().unwrap_or(folder);
    format!("{user}@{} in {}", host.trim(), folder.display())
}
