//! Sets up what a daemon logs: to standard error, so that standard output is the program's own.

use std::io;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::options::{DaemonOptions, LogFormat};

/// Why logging cannot begin.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The level is none.
    #[error("`{0}` is no log level: give error, warn, info, debug or trace")]
    Level(String),
    /// Somebody began already.
    #[error("logging was set up twice")]
    Twice,
}

/// Begins to log; once in a process.
///
/// # Errors
/// Where the level cannot be read, or logging began already.
pub fn start(options: &DaemonOptions) -> Result<(), LoggingError> {
    let filter = filter(&options.log_level)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let begun = match options.log_format {
        LogFormat::Human => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    begun.map_err(|_| LoggingError::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    // A word alone would be taken for the name of a target.
    let is_level = |part: &str| part.contains('=') || LEVELS.contains(&part);
    if !level.split(',').all(is_level) {
        return Err(LoggingError::Level(level.to_string()));
    }
    EnvFilter::try_new(level).map_err(|_| LoggingError::Level(level.to_string()))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_and_other_words_refused() {
        for level in ["warn", "info,imprint_wire=trace"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["", "loud", "a=loud"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
