//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use imprint_slave::command_line::{PREFETCH_DEFAULT, parse_output};
use imprint_slave::ctl::Ctl;
use imprint_slave::ending::{code, is_of_image};
use imprint_slave::seed::SeedChoice;
use imprint_wire::Role;

use imprint_slave::command_line::ImageFormat;

use crate::keeping::Keep;
use crate::withholding::Never;

/// Builds, runs, tests, serves and shrinks Smalltalk images.
#[derive(Parser, Debug)]
#[command(name = "master", version, about, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Limits of the machine.
    #[command(flatten)]
    pub limits: imprint_slave::limits::Limits,
    /// Keys, certificates and tokens.
    #[command(flatten)]
    pub security: imprint_slave::security::Security,
}

/// The verbs. What each takes is made where it is said: most of a command line's time went into the others.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub enum Command {
    /// Build an image of sources.
    Build(Build),
    /// Run an image, the way image users call a virtual machine.
    Run(Run),
    /// Evaluate an expression in the embedded image and print its value.
    Eval(Eval),
    /// Run the tests of a project, an image, or packages of the embedded kernel.
    Test(Test),
    /// Serve an image to slaves, until asked to end.
    Serve(Serve),
    /// Shrink a project by running its tests in a slave, or an expression by running it.
    Shrink(Shrink),
    /// Make keys: an authority, certificates that it signs, tokens.
    Keys(Keys),
    /// Give an order to a running daemon.
    Ctl(Ctl),
    /// Look at image files.
    #[command(subcommand)]
    Image(Image),
    /// Make the slim image of a run again, of its log.
    Replay(Replay),
    /// Run a workload and write down what it touches, or ask traces that were written.
    Trace(Trace),
    /// Tell what a replay log holds.
    #[command(subcommand)]
    Log(Log),
    /// Write packages of an image into a file that any image can install without a compiler.
    Package(Package),
    /// Make a key to sign packages with.
    PackageKey(PackageKey),
    /// Put code of a project over that of a running image.
    Push(Push),
    /// Push what is saved in a project's folder, as soon as it is saved.
    Watch(Watch),
    /// Show how a method differs between a running image and a project.
    Diff(Diff),
    /// Be a slave: what the binary `slave` does.
    #[command(hide = true)]
    Slave {
        /// What is said to the slave.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

/// `master build [PATH] -o IMAGE`
#[derive(Args, Debug)]
pub struct Build {
    /// The folder of a project; without it the embedded kernel alone is built.
    pub path: Option<PathBuf>,
    /// The image file to write; the texts of its methods go into a .changes file beside it.
    #[arg(short, long, value_parser = parse_output)]
    pub output: PathBuf,
    /// The form of the image: Spur for stock virtual machines, or Imprint's own.
    #[arg(long, value_enum, default_value = "spur")]
    pub format: ImageFormat,
    /// Take the embedded kernel's own test packages in.
    #[arg(long)]
    pub with_kernel_tests: bool,
    /// Leave these packages out.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub without: Vec<String>,
}

/// `master run IMAGE [...]`
#[derive(Args, Debug)]
pub struct Run {
    /// As for other virtual machines: there never is a display here.
    #[arg(long)]
    pub headless: bool,
    /// Take other code here while it runs (master push), and stay up for that.
    #[arg(long, value_name = "URL")]
    pub listen: Option<String>,
    /// The image file.
    pub image: PathBuf,
    /// Nothing (the image goes on where it was saved), `SCRIPT.st`, `-s SCRIPT.st`, `eval EXPR`,
    /// or `test PACKAGE...`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// `master eval EXPR`
#[derive(Args, Debug)]
pub struct Eval {
    /// The expression.
    #[arg(allow_hyphen_values = true)]
    pub expression: String,
    /// The folder of a project to load first.
    #[arg(long)]
    pub load: Option<PathBuf>,
}

/// `master test PATH-OR-IMAGE`
#[derive(Args, Debug)]
pub struct Test {
    /// The folder of a project, or names of test packages of the embedded kernel.
    #[arg(required = true)]
    pub what: Vec<String>,
    /// Seconds a test may take.
    #[arg(long, value_name = "SECONDS", value_parser = imprint_slave::limits::parse_seconds)]
    pub timeout: Option<f64>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE", value_parser = parse_output)]
    pub junit: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `master serve IMAGE`
#[derive(Args, Debug)]
pub struct Serve {
    /// The image file, or the folder of a project, which is built first.
    pub image: PathBuf,
    /// Send each slave at once what these traces say that it will miss.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub trace: Vec<PathBuf>,
    /// Where: HOST:PORT with --tls-identity, http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7400")]
    pub listen: String,
    /// Where pushes into what is served are written down; else nowhere.
    #[arg(long, value_name = "FILE", value_parser = parse_output)]
    pub push_log: Option<PathBuf>,
    /// What stays here.
    #[command(flatten)]
    pub never: Never,
    /// What it bears at most.
    #[command(flatten)]
    pub burdens: imprint_slave::security::Burdens,
    /// Logging and the admin endpoint.
    #[command(flatten)]
    pub daemon: imprint_daemon::DaemonOptions,
}

/// `master keys FOLDER`
#[derive(Args, Debug)]
pub struct Keys {
    /// The folder of the keys; an authority that is in it already signs what is made now.
    pub folder: PathBuf,
    /// Make one certificate with this name, in place of those for a master, a slave and an operator.
    #[arg(long, value_name = "NAME", conflicts_with = "token")]
    pub name: Option<String>,
    /// Make a token for who has this name: no certificate.
    #[arg(long, value_name = "NAME")]
    pub token: Option<String>,
    /// What it may: pull, push, snapshot, order.
    #[arg(long, value_name = "ROLE", num_args = 1..)]
    pub may: Vec<Role>,
    /// Names and addresses of the machines that daemons with these certificates run on.
    #[arg(long, value_name = "HOST", num_args = 1..)]
    pub host: Vec<String>,
    /// Days from now on that certificates hold.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub days: u32,
}

/// `master shrink PATH [...]`
#[derive(Args, Debug)]
pub struct Shrink {
    /// The folder of a project, or an image file; without it the embedded kernel alone is the full
    /// image.
    #[arg(required_unless_present = "eval")]
    pub path: Option<PathBuf>,
    /// Shrink to what this expression needs; no tests are run.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub eval: Option<String>,
    /// Run nothing: make the slim image of what these traces say.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["prefetch", "pull_limit", "junit"])]
    pub trace: Vec<PathBuf>,
    /// Where the slim image is written; else the project's name with .image.
    #[arg(short, long, value_parser = parse_output)]
    pub output: Option<PathBuf>,
    /// The form of the slim image: Imprint's own, or Spur for stock virtual machines.
    #[arg(long, value_enum, default_value_t)]
    pub format: ImageFormat,
    /// Seconds a test may take; else what the project says, else 30.
    #[arg(long, value_name = "SECONDS", value_parser = imprint_slave::limits::parse_seconds)]
    pub timeout: Option<f64>,
    /// What is kept though no test reaches it.
    #[command(flatten)]
    pub keep: Keep,
    /// What stays in the full image.
    #[command(flatten)]
    pub never: Never,
    /// What the slave starts from: empty, kernel, or an image file; the slim image does not depend on it.
    #[arg(long, value_name = "empty|kernel|IMAGE", default_value = "empty")]
    pub seed: SeedChoice,
    /// Bytes of drafts that an answer may bring beyond what was asked for, since they will probably
    /// be needed next; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = PREFETCH_DEFAULT)]
    pub prefetch: u64,
    /// Go on with the run that was cut short, whose log lies beside the image: what came is not pulled
    /// again, and tests that passed are not run again. The other options are those of that run.
    #[arg(long, conflicts_with_all = ["trace", "pull_limit"])]
    pub resume: bool,
    /// Stop, with a report, when more bytes than this were pulled.
    #[arg(long, value_name = "BYTES")]
    pub pull_limit: Option<u64>,
    /// Write the results of the tests as JUnit XML.
    #[arg(long, value_name = "FILE", value_parser = parse_output)]
    pub junit: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `master package NAME... -o FILE`
#[derive(Args, Debug)]
pub struct Package {
    /// The packages; with --load all of the project's own where none is named.
    pub names: Vec<String>,
    /// The package file to write.
    #[arg(short, long, value_parser = parse_output)]
    pub output: PathBuf,
    /// Take them from this image; else from the embedded kernel.
    #[arg(long, value_name = "IMAGE", conflicts_with = "load")]
    pub image: Option<PathBuf>,
    /// Take them from the sources in this folder, which are built first.
    #[arg(long, value_name = "FOLDER")]
    pub load: Option<PathBuf>,
    /// What you call this state of the packages.
    #[arg(long = "version-name", value_name = "TEXT", default_value = "")]
    pub version: String,
    /// Let the value of a global or class variable come along, with all that it refers to; with =EXPR
    /// the variable gets that value first.
    #[arg(long, value_name = "NAME|Class>>Variable[=EXPR]")]
    pub object: Vec<String>,
    /// Run this in the image before anything of the packages is there.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub before: Option<String>,
    /// Run this when everything is there and the classes are initialised.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub after: Option<String>,
    #[command(flatten)]
    pub never: Never,
    /// Sign the file with this key, which `master package-key` makes.
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
}

/// `master package-key FILE`
#[derive(Args, Debug)]
pub struct PackageKey {
    /// The key file to write; the public key goes beside it, with .pub.
    pub key: PathBuf,
}

/// `master image ...`
#[derive(Subcommand, Debug)]
pub enum Image {
    /// Say what an image file holds; with --verify, check a Spur file as a stock virtual machine would rely on
    /// it, too.
    Info {
        /// The image file.
        image: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Write an image file in another form.
    Convert {
        /// The image file.
        image: PathBuf,
        /// The file to write.
        #[arg(short, long, value_parser = parse_output)]
        output: PathBuf,
        /// The form: Spur for stock virtual machines, or Imprint's own.
        #[arg(long, value_enum)]
        format: ImageFormat,
    },
    /// Say how two image files differ: classes and methods.
    Diff {
        /// One image file.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Count the objects and bytes of each class.
    Tally {
        /// The image file.
        image: PathBuf,
    },
}

/// `master replay LOG --image FULL -o IMAGE`
#[derive(Args, Debug)]
pub struct Replay {
    /// The log that the run left beside its image.
    pub log: PathBuf,
    /// The full image that was shrunk.
    #[arg(long)]
    pub image: PathBuf,
    /// The slim image to write.
    #[arg(short, long, value_parser = parse_output)]
    pub output: PathBuf,
}

/// `master trace [PATH] -o FILE`, `master trace show FILE`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Trace {
    /// What is asked of traces that were written.
    #[command(subcommand)]
    pub question: Option<TraceQuestion>,
    /// What is run.
    #[command(flatten)]
    pub run: TraceRun,
}

/// `master trace [PATH] [--tests NAME... | --eval EXPR | --serve PORT] -o FILE`
#[derive(Args, Debug)]
pub struct TraceRun {
    /// The folder of a project, or an image file; without it the embedded kernel alone is run.
    pub path: Option<PathBuf>,
    /// Run these tests after the entry expression: packages, classes, `Class>>selector`; else all.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub tests: Vec<String>,
    /// Run this expression in place of the entry expression, and no tests.
    #[arg(long, value_name = "EXPR", conflicts_with = "tests")]
    pub eval: Option<String>,
    /// Run the entry expression with this port as environment variable PORT, and go on until asked to
    /// end.
    #[arg(long, value_name = "PORT", conflicts_with = "tests")]
    pub serve: Option<u16>,
    /// The trace to write; else the project's name with .trace.
    #[arg(short, long, value_parser = parse_output)]
    pub output: Option<PathBuf>,
    /// Seconds a test may take; else what the project says, else 30.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
    /// What stays in the full image.
    #[command(flatten)]
    pub never: Never,
}

/// What is asked of traces. Where a trace is read a replay log will do: it holds marks too.
#[derive(Subcommand, Debug)]
pub enum TraceQuestion {
    /// Put traces together: what any of them touched.
    Merge(Combination),
    /// Keep of the first trace what all the others touched too.
    Intersect(Combination),
    /// Take out of the first trace what any of the others touched.
    Subtract(Combination),
    /// Say what only one of two traces touched.
    Diff {
        /// One trace.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Say how much each epoch touched, and how much of it no other did.
    Show {
        /// The trace.
        trace: PathBuf,
    },
    /// Say what a test touched and nothing else did.
    Only {
        /// The test, `Class>>selector`, or the name of another epoch.
        epoch: String,
        /// The trace.
        trace: PathBuf,
    },
    /// Say by which way a class, a method or an object was reached, and during what.
    Why {
        /// `Class`, `Class class`, `Class>>selector`, or another name that `only` shows.
        name: String,
        /// The trace.
        trace: PathBuf,
    },
}

/// Traces that become one.
#[derive(Args, Debug)]
pub struct Combination {
    /// The traces.
    #[arg(required = true)]
    pub traces: Vec<PathBuf>,
    /// The trace to write.
    #[arg(short, long, value_parser = parse_output)]
    pub output: PathBuf,
}

/// `master push [NAME...] [--from URL] --to URL`
#[derive(Args, Debug)]
pub struct Push {
    /// Packages, classes, methods as `Class>>selector`; else all packages of the project.
    pub names: Vec<String>,
    /// The running image: http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Take the code out of another running image, a full one, instead of sources.
    #[arg(long, value_name = "URL", requires = "names", conflicts_with_all = ["sources", "base"])]
    pub from: Option<String>,
    /// The folder of the project.
    #[arg(long = "in", value_name = "FOLDER", default_value = ".")]
    pub sources: PathBuf,
    /// The project as the image was made of it: where the image has forgotten how classes looked, this
    /// says it.
    #[arg(long, value_name = "FOLDER")]
    pub base: Option<PathBuf>,
    /// Push over what somebody else changed, and lose what is in the way; the log tells what.
    #[arg(long)]
    pub force: bool,
    /// Push nothing along that a slim image has lost, whatever the code names.
    #[arg(long)]
    pub alone: bool,
}

/// `master watch FOLDER --to URL`
#[derive(Args, Debug)]
pub struct Watch {
    /// The folder of the project, as the running image was made of it.
    pub sources: PathBuf,
    /// The running image: http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Push over what somebody else changed, and lose what is in the way; the log tells what.
    #[arg(long)]
    pub force: bool,
    /// Push nothing along that a slim image has lost, whatever the code names.
    #[arg(long)]
    pub alone: bool,
}

/// `master diff METHOD --to URL`
#[derive(Args, Debug)]
pub struct Diff {
    /// `Class>>selector`.
    pub method: String,
    /// The running image: http://127.0.0.1:PORT or unix:/path/to/socket.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// The folder of the project.
    #[arg(long = "in", value_name = "FOLDER", default_value = ".")]
    pub sources: PathBuf,
}

/// `master log ...`
#[derive(Subcommand, Debug)]
pub enum Log {
    /// Say what happened, a line for each thing.
    Show {
        /// The log.
        log: PathBuf,
    },
    /// Say how much came, how the tests ended, and what pulled most.
    Stats {
        /// The log.
        log: PathBuf,
    },
    /// Say during what a class or method came.
    Why {
        /// The log.
        log: PathBuf,
        /// `Class`, `Class class`, or `Class>>selector`.
        name: String,
    },
}

/// Why a command failed, with the exit code of its kind.
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// The sentence.
    pub error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure {
            code: if is_of_image(&error) {
                code::BAD_IMAGE
            } else {
                code::USAGE
            },
            error,
        }
    }
}
