//! What may be said to a slave on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Runs slim images, and pulls what it misses from a master.
#[derive(Parser, Debug)]
#[command(name = "slave", version, about, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run an image file alone, or pull from a master while running.
    Run(Run),
}

/// `slave run [IMAGE] [--master URL ...]`
#[derive(Args, Debug)]
pub struct Run {
    /// An image file, to be run alone.
    #[arg(required_unless_present = "master")]
    pub image: Option<PathBuf>,
    /// Where the master is: http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL", conflicts_with = "image")]
    pub master: Option<String>,
    /// What to start from.
    #[arg(long, default_value = "empty", value_parser = ["empty"])]
    pub seed: String,
    /// Evaluate this in place of the project's entry expression, and print the value.
    #[arg(long, value_name = "EXPR")]
    pub eval: Option<String>,
    /// Run the master's tests and write the slim image here.
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Prove the slim image.
    #[arg(long, requires = "snapshot")]
    pub prove: bool,
    /// Write a Spur image for stock virtual machines.
    #[arg(long)]
    pub spur: bool,
    /// The port that the environment gives to the application: where its entry expression begins
    /// to listen, on this port or another, the page is visited.
    #[arg(long, env = "PORT")]
    pub port: Option<u16>,
    /// Seconds a test may take.
    #[arg(long, default_value_t = 30.0)]
    pub timeout: f64,
    /// Stop when more bytes than this were pulled.
    #[arg(long, value_name = "BYTES")]
    pub pull_limit: Option<u64>,
    /// Seconds that a lost master is waited for.
    #[arg(long, default_value_t = 30.0)]
    pub patience: f64,
    /// Write the report of the run as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

impl Run {
    /// The orders of a run that pulls.
    pub fn orders(&self, master: String) -> crate::shrinking::Orders {
        crate::shrinking::Orders {
            master,
            patience: seconds(self.patience),
            expression: self.eval.clone(),
            snapshot: self.snapshot.clone(),
            report: self.report.clone(),
            proves: self.prove,
            is_spur: self.spur,
            may_serve: self.port.is_some(),
            timeout: seconds(self.timeout),
            pull_limit: self.pull_limit,
        }
    }
}

/// Seconds as a duration; what is no time counts as none.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
