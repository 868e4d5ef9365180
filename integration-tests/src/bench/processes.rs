//! The real programs that are measured: they lie beside the benchmark.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use imprint_wire::Connection;
use serde_json::Value;

use super::machine::Failed;

/// A daemon says by then that it serves.
pub const START_LIMIT: Duration = Duration::from_secs(20);

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// One of our programs, which lies beside this one.
///
/// # Errors
/// Where it was not built.
pub fn program(name: &str) -> Result<Command, Failed> {
    let path: PathBuf = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        let words = format!(
            "{} is not there; build it with cargo build --release",
            path.display()
        );
        return Err(words.into());
    }
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs a program to its end; the JSON that it printed, where it did.
///
/// # Errors
/// Where it cannot be started, or fails.
pub fn run(name: &str, arguments: &[&str]) -> Result<Value, Failed> {
    let output = program(name)?.args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// A daemon that is killed in the end.
pub struct Daemon(Child);

impl Daemon {
    /// Starts a program that goes on.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn of(mut command: Command) -> Result<Daemon, Failed> {
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Daemon(silent.spawn()?))
    }

    /// Starts a master and waits until it answers at the address.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start(arguments: &[&str], url: &str) -> Result<Daemon, Failed> {
        let mut command = program("master")?;
        command.args(arguments);
        let daemon = Daemon::of(command)?;
        let credentials = imprint_wire::Credentials::default();
        Connection::connect_retrying(url, &credentials, START_LIMIT, |_, _| {})?;
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
