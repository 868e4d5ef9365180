//! Builds `master` and `slave` once for a test run, and runs them with a limit on their time.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use imprint_host::free_port;

/// A program that runs longer is killed, and its test fails.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// So much more time it has where its heap is verified all the while.
const ZEAL_FACTOR: u32 = 10;
/// Between two looks at something that is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The environment of a program that collects as it always does, where all others are tried under zeal.
pub const CALM: (&str, &str) = ("IMPRINT_ZEAL", "1000000000");

/// The environment of a program that does so much that it would take minutes where each hundredth send verifies
/// the heap; it still looks at the world in between.
pub const SELDOM: (&str, &str) = ("IMPRINT_ZEAL", "20000");

/// The option by which a test of Smalltalk has time enough where its heap is verified all the while.
pub const PATIENT: [&str; 2] = ["--timeout", "300"];

/// How long a program may run.
pub fn time_limit() -> Duration {
    if std::env::var_os("IMPRINT_ZEAL").is_some() {
        TIME_LIMIT * ZEAL_FACTOR
    } else {
        TIME_LIMIT
    }
}

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `master` to its end.
pub fn master<S: AsRef<str>>(folder: &Path, arguments: &[S]) -> Ended {
    start("master", folder, arguments, &[]).wait()
}

/// Runs `slave` to its end.
pub fn slave<S: AsRef<str>>(folder: &Path, arguments: &[S]) -> Ended {
    start("slave", folder, arguments, &[]).wait()
}

/// Starts a program in a folder. It keeps nothing in the user's cache unless the environment says
/// so.
pub fn start<S: AsRef<str>>(
    name: &str,
    folder: &Path,
    arguments: &[S],
    environment: &[(&str, &str)],
) -> Running {
    let mut child = Command::new(program(name))
        .args(arguments.iter().map(AsRef::as_ref))
        .env("IMPRINT_CACHE", "off")
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built a moment ago");
    let printed = <[Collected; 2]>::default();
    let stdout = collect(child.stdout.take(), printed[0].clone());
    let stderr = collect(child.stderr.take(), printed[1].clone());
    Running {
        child,
        printed,
        stdout: Some(stdout),
        stderr: Some(stderr),
    }
}

/// What a stream brought so far.
type Collected = Arc<Mutex<Vec<u8>>>;

/// A program that runs; it is killed where a test forgets it.
pub struct Running {
    child: Child,
    /// What came so far on standard output and on standard error.
    printed: [Collected; 2],
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Asks it to end, as a container's host would.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot signal");
    }

    /// The number by which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed a line on standard output or on standard error.
    ///
    /// # Panics
    /// Where that does not come.
    pub fn await_line(&mut self, line: &str) {
        self.await_printed(line, |each| each == line);
    }

    /// Waits until some line that it has printed holds these words.
    ///
    /// # Panics
    /// Where that does not come.
    pub fn await_words(&mut self, words: &str) {
        self.await_printed(words, |each| each.contains(words));
    }

    fn await_printed(&self, what: &str, is_it: impl Fn(&str) -> bool) {
        let holds = |collected: &Collected| {
            let printed = collected.lock().unwrap_or_else(PoisonError::into_inner);
            let printed = String::from_utf8_lossy(&printed);
            printed.lines().any(&is_it)
        };
        assert_eventually(what, || self.printed.iter().any(holds).then_some(()));
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it left, once it ended by itself.
    ///
    /// # Panics
    /// Where it takes too long.
    pub fn wait(mut self) -> Ended {
        let end = Instant::now() + time_limit();
        let mut status = self.child.try_wait().expect("it is our child");
        while status.is_none() && Instant::now() < end {
            thread::sleep(LOOK_AGAIN);
            status = self.child.try_wait().expect("it is our child");
        }
        if status.is_none() {
            self.kill();
        }
        let ended = Ended {
            code: status.and_then(|status| status.code()),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        };
        assert!(status.is_some(), "it did not end: {ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Collects what comes, where it can be looked at meanwhile.
fn collect(stream: Option<impl Read + Send + 'static>, collected: Collected) -> JoinHandle<String> {
    thread::spawn(move || {
        let all = || collected.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chunk = [0; 4096];
        if let Some(mut stream) = stream {
            // What came before an error is still worth showing.
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                all().extend_from_slice(&chunk[..count]);
            }
        }
        String::from_utf8_lossy(&all()).into_owned()
    })
}

fn text(thread: Option<JoinHandle<String>>) -> String {
    thread.map_or_else(String::new, |thread| thread.join().unwrap_or_default())
}

/// Looks until something is there.
///
/// # Panics
/// Where it does not come within the time that programs have.
pub fn assert_eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + time_limit();
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "{what} did not happen"),
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// The folder of an example.
pub fn example(name: &str) -> PathBuf {
    root().join("deploy/examples").join(name)
}

/// The folder of the project that pulling trips over.
pub fn traps() -> PathBuf {
    root().join("integration-tests/traps")
}

/// Copies a folder with all that is in it.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        match path.is_dir() {
            true => copy_folder(&path, &target)?,
            false => _ = fs::copy(&path, &target)?,
        }
    }
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
}

fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// Builds both programs with the profile of this test; answers their folder.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("tests lie in target/PROFILE/deps");
    let target = folder.parent().expect("tests lie in target/PROFILE/deps");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "-p", "imprint-master", "-p", "imprint-slave"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo tells this test of its own package would have build scripts run anew, and all that stands
    // on them, here and again at the next test.
    let of_this_package = |name: &str| {
        let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    let built: Output = cargo.output().expect("cargo runs this test");
    let words = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(built.status.success(), "cannot build: {words}");
    folder.to_path_buf()
}
