//! How long it takes from a file that is saved to the method in the running application.
//!
//! ```text
//!   save ── master watch sees it, compiles, pushes ── slave run: revises ── the page shows it
//! ```
//!
//! All three are processes of their own, and nobody tells this one when it is done: it asks for the page, over
//! and over, as a browser would.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::facts::{Figure, Scratch};
use super::machine::Failed;
use super::processes::{Daemon, START_LIMIT, program, run, text};
use crate::browser::Visitor;
use crate::programs::{copy_folder, free_port};

/// Files that are saved one after the other.
const SAVES: usize = 25;
/// Between two looks at the page.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Between the page that shows one save and the next save: somebody types meanwhile.
const PAUSE: Duration = Duration::from_millis(150);
/// A save that is not seen by then never is.
const LIMIT: Duration = Duration::from_secs(10);
/// What is looked at.
const PATH: &str = "/counter";
/// What is edited.
const FILE: &str = "src/Counter/CounterComponent.class.st";
/// How its method begins that is edited.
const TITLE: &str = "^ 'Counter";

/// From a save to the page that shows it, in the counter that was shrunk and runs.
///
/// # Errors
/// Where a process cannot be started, or a save never shows.
pub fn saves() -> Result<Vec<Figure>, Failed> {
    let scratch = Scratch::new()?;
    let folder = scratch.path();
    let counter = folder.join("counter");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/counter");
    copy_folder(&example, &counter)?;
    let image = text(&folder.join("counter.image"));
    run("master", &["shrink", &text(&counter), "-o", &image])?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let mut slave = program("slave")?;
    slave.args(["run", &image, "--listen", &url]);
    slave.env("PORT", port.to_string());
    let _slave = Daemon::of(slave)?;
    let page = Page::await_at(port)?;
    let mut master = program("master")?;
    master.args(["watch", &text(&counter), "--to", &url]);
    let _watch = Daemon::of(master)?;
    let times = page.times(&counter.join(FILE))?;
    let worst = times.iter().max().copied().unwrap_or_default();
    Ok(vec![Figure::of(
        "saves",
        times,
        format!(
            "from a saved file to the page of the slim counter, {:.0} ms at worst of {SAVES}; aim: 100 ms",
            worst.as_secs_f64() * 1e3
        ),
    )])
}

/// The page of the application, and who looks at it.
struct Page(Visitor);

impl Page {
    /// The page once it is there.
    fn await_at(port: u16) -> Result<Page, Failed> {
        let begin = Instant::now();
        while begin.elapsed() < START_LIMIT {
            if let Some((visitor, _)) = Visitor::arrive(port, PATH) {
                return Ok(Page(visitor));
            }
            sleep(LOOK_EVERY);
        }
        Err("the application does not answer".into())
    }

    /// Saves the file over and over; how long each save takes to show. The first one, which waits for the
    /// watcher to begin, does not count.
    fn times(&self, file: &Path) -> Result<Vec<Duration>, Failed> {
        let before = fs::read_to_string(file)?;
        if !before.contains(TITLE) {
            return Err(format!("{} has no {TITLE}", file.display()).into());
        }
        let mut times = Vec::with_capacity(SAVES);
        sleep(Duration::from_secs(1));
        for number in 0..=SAVES {
            let saved = before.replace(TITLE, &format!("{TITLE} {number}"));
            fs::write(file, saved)?;
            let took = self.wait_for(&format!("<title>Counter {number}</title>"))?;
            if number > 0 {
                times.push(took);
            }
            sleep(PAUSE);
        }
        Ok(times)
    }

    fn wait_for(&self, words: &str) -> Result<Duration, Failed> {
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            let answer = self.0.ask(PATH);
            if answer.is_some_and(|answer| answer.contains(words)) {
                return Ok(begin.elapsed());
            }
            sleep(LOOK_EVERY);
        }
        Err(format!("{words} never came").into())
    }
}
