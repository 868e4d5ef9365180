//! From a run that has ended to a slim image that is proven: `slave run --snapshot`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use imprint_image::{Fingerprint, write_beside_and_rename};
use imprint_isa::MethodDraft;
use imprint_report::{ImageCounts, Proof, ShrinkReport, SlimImage};
use imprint_shrink::{Kept, SidePackage, Slim, SlimInput, SlimOptions, side_package, slim};
use imprint_vm::{Arrivals, CommandLine, Outcome, RunLimits};

use crate::ending::code;
use crate::exercise::{Exercised, Orders, exercise, pulled};
use crate::interrupts;
use crate::keeping::pull_kept;
use crate::live::PushedInto;
use crate::proof::prove;
use crate::remote::Line;
use crate::replay::Replay;
use crate::resuming::Unfinished;
use crate::session::Session;

/// The image that is made of a run.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The file.
    pub path: PathBuf,
    /// Whether a Spur image is written in place of a compact one.
    pub is_spur: bool,
    /// Whether it is proven, and how long each test may take then.
    pub proof: Option<Duration>,
}

/// Runs, or goes on with a run, and makes the image that is wanted; answers the report and the exit code.
///
/// # Errors
/// Where the master is not there, or files cannot be written.
pub fn shrink(
    orders: &Orders,
    unfinished: Option<Unfinished>,
    wanted: Option<&Wanted>,
) -> Result<(ShrinkReport, u8)> {
    let mut run = exercise(orders, unfinished, |_| {})?;
    let has_stopped = run.failure.is_some() && run.report.tests.is_none();
    if let Some(wanted) = wanted.filter(|_| !has_stopped && run.report.pulls.is_none()) {
        let made = run.snapshot(wanted);
        // What is kept beside what was reached is pulled too, and may pass the limit.
        if !run.has_exploded() {
            made?;
        }
    }
    if interrupts::is_wished() {
        return Ok((run.report, code::INTERRUPTED));
    }
    let is_proven = run.report.proof.as_ref().is_none_or(Proof::holds);
    let failure = run.failure.or((!is_proven).then_some(code::FAILED));
    Ok((run.report, failure.unwrap_or(code::DONE)))
}

/// All that a slim image is made of.
pub struct Material<'a> {
    /// What came, or was marked.
    pub arrivals: &'a Arrivals,
    /// What is kept beside it.
    pub kept: &'a [Kept],
    /// The entry expression, compiled.
    pub entry: &'a MethodDraft,
    /// Its text; empty for none.
    pub entry_text: &'a str,
    /// The full image.
    pub origin: Fingerprint,
}

/// A slim image that was written.
pub struct Made {
    /// Its counts and its file.
    pub image: SlimImage,
    /// Identity of the file.
    pub fingerprint: Fingerprint,
    /// The file that says why everything is there.
    pub manifest: PathBuf,
    /// What its proof brings along.
    pub side: SidePackage,
}

impl Material<'_> {
    /// Makes the image and writes it, with its manifest.
    ///
    /// # Errors
    /// Where drafts do not fit together or files cannot be written.
    pub fn write(&self, wanted: &Wanted) -> Result<Made> {
        let options = SlimOptions {
            entry: self.entry_text.to_string(),
            origin: Some(self.origin),
            ..SlimOptions::default()
        };
        let input = SlimInput {
            arrivals: self.arrivals,
            kept: self.kept,
            entry: self.entry,
            options: &options,
        };
        let slim = slim(&input).context("cannot make the slim image")?;
        let (image, fingerprint) = write_slim(&slim, &wanted.path, wanted.is_spur)?;
        Ok(Made {
            image,
            fingerprint,
            manifest: write_manifest(&slim, &wanted.path)?,
            side: side_package(self.arrivals, &options.excluded_packages),
        })
    }
}

impl Exercised {
    /// Makes the slim image of what came, with its manifest and its log; answers its fingerprint.
    ///
    /// # Errors
    /// Where the master is gone, or files cannot be written.
    pub fn snapshot(&mut self, wanted: &Wanted) -> Result<Fingerprint> {
        self.refuse_pushed()?;
        let path = &wanted.path;
        let kept = pull_kept(&mut self.session, &self.plan)?;
        let material = Material {
            arrivals: self.session.arrivals(),
            kept: &kept,
            entry: &self.entry,
            entry_text: &self.entry_text,
            origin: self.session.origin(),
        };
        let made = material.write(wanted)?;
        let bytes_kept = Some(made.image.bytes_uncompressed);
        self.report.pulled = Some(pulled(&self.session).weighed(bytes_kept));
        self.report.slim = Some(made.image);
        self.note_seed();
        let log = self.log(path, &kept)?;
        self.report.files = [&made.manifest, &log]
            .map(|file| file.display().to_string())
            .to_vec();
        if let (Some(timeout), None) = (wanted.proof, self.failure) {
            let visited = self.visited.as_ref();
            self.session.close_sockets();
            self.report.proof = Some(prove(
                path,
                &made.side,
                self.session.arrivals(),
                &self.passed,
                timeout,
                visited,
            )?);
        }
        Ok(made.fingerprint)
    }

    /// A slim image is a function of the pristine image and the marks (D13): what was pushed into the run is
    /// neither.
    fn refuse_pushed(&self) -> Result<()> {
        let pushed = self.session.vm.extensions.get::<PushedInto>();
        match pushed {
            Some(PushedInto(push)) => bail!(
                "{push} changed the code of this run, and a slim image is made of the full image alone; \
                 run again with nothing pushed, or write the heap as it is with   --heap"
            ),
            None => Ok(()),
        }
    }

    /// Ends the log of the run, or writes it at once where none was begun.
    fn log(&mut self, image: &Path, kept: &[Kept]) -> Result<PathBuf> {
        let replay = match self.replay.take() {
            Some(replay) => replay,
            None => Replay::beside(image, &self.session, &[])?,
        };
        let replay = self.replay.insert(replay);
        replay.note_arrivals(self.session.arrivals())?;
        replay.note_kept(kept)?;
        replay.note_snapshot(image, &self.entry_text, &self.plan.options)?;
        Ok(replay.path().to_path_buf())
    }
}

/// Writes the report where somebody wants it.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_report(report: &ShrinkReport, path: &Path) -> Result<()> {
    fs::write(path, report.to_json()?).with_context(|| format!("cannot write {}", path.display()))
}

fn write_slim(slim: &Slim, path: &Path, is_spur: bool) -> Result<(SlimImage, Fingerprint)> {
    let (bytes, uncompressed) = if is_spur {
        let bytes = slim.spur()?;
        let length = bytes.len();
        (bytes, length)
    } else {
        let (bytes, sizes) = slim.compact()?;
        (bytes, sizes.before_compression)
    };
    write_beside_and_rename(path, &bytes)?;
    let counts = slim.manifest.counts;
    let image = SlimImage {
        counts: ImageCounts {
            classes: counts.classes as u64,
            methods: counts.methods as u64,
            objects: counts.objects as u64,
            bytes: bytes.len() as u64,
        },
        bytes_uncompressed: uncompressed as u64,
        file: path.display().to_string(),
    };
    Ok((image, Fingerprint::of(&bytes)))
}

fn write_manifest(slim: &Slim, image: &Path) -> Result<PathBuf> {
    let path = image.with_extension("manifest.json");
    write_beside_and_rename(&path, slim.manifest.to_json().as_bytes())?;
    Ok(path)
}

/// Runs an expression with a master behind, and nothing else: `slave run --eval`.
///
/// # Errors
/// Where the master is not there.
pub fn evaluate(orders: &Orders, expression: &str) -> Result<(u8, Option<String>)> {
    let line = Line::connect(&orders.terms())?;
    let mut session = Session::open(line, CommandLine::default())?;
    session.tell_heap();
    let draft = session.compile(&format!("[ {expression} ] value printString"))?;
    let outcome = session.run(&draft, RunLimits::default())?;
    if let Outcome::Returned(text) = outcome {
        return Ok((code::DONE, session.vm.heap.string_text(text)));
    }
    let (code, sentence) = crate::ending::ending(&outcome);
    Ok((code, sentence))
}
