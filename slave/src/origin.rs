//! Who puts code into other machines from here.

use std::sync::LazyLock;

/// The user, the machine and the folder: pushes of the same user of the same folder are one hand's.
pub static ORIGIN: LazyLock<String> = LazyLock::new(|| {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_string());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let folder = std::env::current_dir().unwrap_or_default();
    format!("{user}@{} in {}", host.trim(), folder.display())
});
