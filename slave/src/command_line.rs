//! What may be said to a slave on the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use imprint_daemon::DaemonOptions;

use crate::ctl::{Ctl, ImageFile};
use crate::daemon::Daemon;
use crate::exercise::{Chosen, Orders};
use crate::limits::parse_seconds;
use crate::seed::SeedChoice;
use crate::shrinking::Wanted;

/// The default of `--prefetch`: from here on the counter needs hardly fewer round trips, nor more bytes.
pub const PREFETCH_DEFAULT: u64 = 32_000;

/// Where a slave takes orders that was told nothing else.
const LISTEN_DEFAULT: &str = "http://127.0.0.1:7402";

/// Runs slim images, and pulls what it misses from a master.
#[derive(Parser, Debug)]
#[command(name = "slave", version, about, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Limits of the machine.
    #[command(flatten)]
    pub limits: crate::limits::Limits,
    /// Keys, certificates and tokens.
    #[command(flatten)]
    pub security: crate::security::Security,
}

/// The verbs. What each takes is made where it is said: most of a command line's time went into the others.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub enum Command {
    /// Run an image file alone, or pull from a master while running.
    Run(Box<Run>),
    /// Go on with a run that was cut short: what came is not pulled again, tests that passed are not run
    /// again. Wants the environment that the run had.
    Resume {
        /// The log beside the image that the run was to make.
        log: PathBuf,
        /// Where the master is now, in place of where it was.
        #[arg(long, value_name = "URL")]
        master: Option<String>,
        /// Write the report of the run as JSON.
        #[arg(long, value_name = "FILE", value_parser = parse_output)]
        report: Option<PathBuf>,
    },
    /// Have a running slave write the slim image of its last run, or its heap as it is.
    Snapshot {
        /// Where the slave is: https://HOST:PORT, http://127.0.0.1:PORT or unix:/path/to/socket.
        url: String,
        /// What is written.
        #[command(flatten)]
        wanted: ImageFile,
    },
    /// Give an order to a running daemon.
    Ctl(Ctl),
    /// Install package files into an image, or into one that runs: no compiler is needed.
    Install(Install),
    /// Take packages that were installed out of an image again, or out of one that runs.
    Uninstall(Uninstall),
}

/// `slave install FILE... --image IMAGE -o IMAGE [--force]`, or `--to URL`
#[derive(Args, Debug)]
pub struct Install {
    /// The package files, in any order.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where they go.
    #[command(flatten)]
    pub target: Target,
    /// Install even where a newer version takes away what the image uses, a slim image lost what they send,
    /// or somebody else changed what they replace.
    #[arg(long)]
    pub force: bool,
}

/// `slave uninstall NAME... --image IMAGE -o IMAGE`, or `--to URL`
#[derive(Args, Debug)]
pub struct Uninstall {
    /// The packages.
    #[arg(required = true)]
    pub names: Vec<String>,
    /// Where they are.
    #[command(flatten)]
    pub target: Target,
}

/// Where packages go, or are: one of the two.
#[derive(Args, Debug)]
#[group(id = "place", required = true, multiple = true)]
pub struct Target {
    /// An image file.
    #[arg(long, value_name = "IMAGE", requires = "output")]
    image: Option<PathBuf>,
    /// The image file to write; it may be the same.
    #[arg(short, long, requires = "image", value_parser = parse_output)]
    output: Option<PathBuf>,
    /// An image that runs and takes code: https://HOST:PORT, http://127.0.0.1:PORT or
    /// unix:/path/to/socket.
    #[arg(long, value_name = "URL", conflicts_with_all = ["image", "output"])]
    to: Option<String>,
}

/// Where packages go, or are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In an image file.
    File(FileTarget),
    /// In an image that runs, at this URL.
    Running(String),
}

/// An image file, and what is written of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileTarget {
    /// The file.
    pub image: PathBuf,
    /// The file that is written.
    pub output: PathBuf,
}

impl Target {
    /// The place that was said.
    ///
    /// # Errors
    /// Where none was, which no command line gets past.
    pub fn place(&self) -> Result<Place> {
        let file = self.image.clone().zip(self.output.clone());
        let file = file.map(|(image, output)| Place::File(FileTarget { image, output }));
        let running = || self.to.clone().map(Place::Running);
        file.or_else(running)
            .context("no place is said: --image FILE --output FILE, or --to URL")
    }
}

/// The form of an image file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ImageFormat {
    /// Dense and compressed: Imprint's own.
    #[default]
    Compact,
    /// 64-bit Spur, for stock virtual machines.
    Spur,
}

impl ImageFormat {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ImageFormat::Compact => "compact",
            ImageFormat::Spur => "spur",
        }
    }
}

/// `slave run [IMAGE] [--master URL ...]`
#[derive(Args, Debug)]
pub struct Run {
    /// An image file, to be run: alone, or with a master, from which it pulls what it lost.
    #[arg(required_unless_present = "master", conflicts_with_all = ["eval", "tests", "snapshot"])]
    pub image: Option<PathBuf>,
    /// Where the master is: https://HOST:PORT, http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL")]
    pub master: Option<String>,
    /// Where an image alone notes what it reaches though it was pruned: a keep list for the next
    /// shrink; else beside the image, with .pruned.log.
    #[arg(long, value_name = "FILE", requires = "image", conflicts_with = "master", value_parser = parse_output)]
    pub pruned_log: Option<PathBuf>,
    /// What to start from: empty, kernel (the master's base library, kept in the user's cache folder),
    /// or an image file. What it has as the master has it need not be pulled.
    #[arg(
        long,
        value_name = "empty|kernel|IMAGE",
        default_value = "empty",
        conflicts_with = "image"
    )]
    pub seed: SeedChoice,
    /// Evaluate this in place of the project's entry expression, and print the value.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub eval: Option<String>,
    /// Run the tests of these packages, of those that the master has.
    #[arg(long, value_name = "PACKAGE", num_args = 1.., requires = "master")]
    pub tests: Vec<String>,
    /// Take orders here (slave ctl) and other code (master push). With a master and nothing to run it does
    /// so in any case, at http://127.0.0.1:7402.
    #[arg(long, value_name = "URL", conflicts_with_all = ["eval", "snapshot", "tests"])]
    pub listen: Option<String>,
    /// Where pushes are written down; else beside the image, with .pushes, and without an image nowhere.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["eval", "snapshot", "tests"], value_parser = parse_output)]
    pub push_log: Option<PathBuf>,
    /// Run the master's tests and write the slim image here.
    #[arg(long, value_name = "FILE", requires = "master")]
    pub snapshot: Option<PathBuf>,
    /// Prove the slim image.
    #[arg(long, requires = "snapshot")]
    pub prove: bool,
    /// The form of the slim image: Imprint's own, or Spur for stock virtual machines.
    #[arg(long, value_enum, default_value_t)]
    pub format: ImageFormat,
    /// The port that the environment gives to the application: where its entry expression begins
    /// to listen, on this port or another, the page is visited.
    #[arg(long, env = "PORT")]
    pub port: Option<u16>,
    /// Seconds a test may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = parse_seconds)]
    pub timeout: f64,
    /// Bytes of drafts that an answer may bring beyond what was asked for, since they will probably
    /// be needed next; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = PREFETCH_DEFAULT)]
    pub prefetch: u64,
    /// Stop when more bytes than this were pulled.
    #[arg(long, value_name = "BYTES")]
    pub pull_limit: Option<u64>,
    /// Seconds that a lost master is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = parse_seconds)]
    pub patience: f64,
    /// Seconds without a byte of an answer after which the master is asked again, on a new stream.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = parse_seconds)]
    pub silence: f64,
    /// Write the report of the run as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// What a user is told to do when the run is cut short; else to resume it by its log.
    #[arg(long, value_name = "TEXT", hide = true)]
    pub resumed_by: Option<String>,
    /// Logging and the admin endpoint.
    #[command(flatten)]
    pub daemon: DaemonOptions,
}

impl Run {
    /// The orders of a run that pulls.
    pub fn orders(&self, master: String) -> Orders {
        let tests = match self.tests.as_slice() {
            [] if self.eval.is_some() => Chosen::None,
            [] => Chosen::Planned,
            packages => Chosen::Of {
                packages: packages.to_vec(),
                names: Vec::new(),
            },
        };
        Orders {
            master,
            patience: Duration::from_secs_f64(self.patience),
            silence: Duration::from_secs_f64(self.silence),
            expression: self.eval.clone(),
            tests,
            logged_beside: self.snapshot.clone(),
            may_serve: self.port.is_some(),
            timeout: Duration::from_secs_f64(self.timeout),
            prefetch_bytes: self.prefetch,
            seed: self.seed.clone(),
            arguments: arguments(),
            resumed_by: self.resumed_by.clone(),
            pull_limit: self.pull_limit,
        }
    }

    /// Looks whether the files that come of the run can be written.
    ///
    /// # Errors
    /// Where one cannot.
    pub fn check_outputs(&self) -> Result<()> {
        for path in self.snapshot.iter().chain(&self.report) {
            let name = path.display().to_string();
            parse_output(&name).map_err(|reason| anyhow!("cannot write {name}: {reason}"))?;
        }
        Ok(())
    }

    /// The image that is to be made of the run.
    pub fn wanted(&self) -> Option<Wanted> {
        self.snapshot.as_ref().map(|path| Wanted {
            path: path.clone(),
            is_spur: self.format == ImageFormat::Spur,
            proof: self.prove.then(|| Duration::from_secs_f64(self.timeout)),
        })
    }

    /// How it stays up, where it is told nothing that would come to an end.
    pub fn daemon(&self) -> Option<Daemon> {
        let is_one_run = self.eval.is_some() || self.snapshot.is_some() || !self.tests.is_empty();
        (!is_one_run).then(|| Daemon {
            listen: self
                .listen
                .clone()
                .unwrap_or_else(|| LISTEN_DEFAULT.to_string()),
            push_log: self.push_log.clone(),
            options: self.daemon.clone(),
        })
    }
}

/// How this process was called as a slave, without the names of the program.
fn arguments() -> Vec<String> {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    words.skip_while(|word| word == "slave").collect()
}

/// Nothing is written over what it is made of.
///
/// # Errors
/// Where both are the same file.
pub fn refuse_same_file(input: &Path, output: &Path) -> Result<()> {
    let is_same = match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    ensure!(
        !is_same,
        "{} would be written over itself; name another file with -o",
        output.display()
    );
    Ok(())
}

/// Reads the name of a file that is to be written at the end of what may be a long run, and looks
/// at the start whether it can be.
///
/// # Errors
/// Where a folder has the name already, or there is no folder for it.
pub fn parse_output(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Err("this is a folder; name a file".to_string());
    }
    match path.parent() {
        Some(folder) if !(folder.as_os_str().is_empty() || folder.is_dir()) => Err(format!(
            "there is no folder {}; make it first",
            folder.display()
        )),
        _ => Ok(path),
    }
}
