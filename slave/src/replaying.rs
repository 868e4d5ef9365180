//! The slim image of a log: the drafts that a run wrote down, and what an image is made of beside them.
//!
//! A log tells which drafts came and during what; the full image is needed for the entry expression,
//! which is compiled against it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use imprint_image::Fingerprint;
use imprint_isa::draft_bytes::decode_placed;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{Draft, MethodDraft, Miss, Placed};
use imprint_shrink::{Kept, Margin, Slim, SlimInput, SlimOptions, slim};
use imprint_vm::Arrivals;
use imprint_wire::log::{LogReader, LoggedOutcome, Record, Torn};
use imprint_wire::message::TestName;

use crate::keeping::{Widening, because_of, id_of, misses};

/// What a log says about the image that was made of its run.
pub struct Logged {
    /// The full image whose ids are meant.
    pub pristine: Fingerprint,
    /// The entry expression of the image.
    pub entry: String,
    /// The image that the run itself wrote.
    pub written: Fingerprint,
    /// What is wrong at the end of the log, where something is.
    pub torn: Option<Torn>,
    /// The options that the run had of its master.
    pub options: Vec<(String, String)>,
    arrivals: Arrivals,
    kept: Vec<Kept>,
}

impl Logged {
    /// Reads a log up to the last image that it tells of.
    ///
    /// # Errors
    /// Where the file is no log, holds a draft that is none, or tells of no image.
    pub fn read(path: &Path) -> Result<Logged> {
        let mut reader = LogReader::open(path)?;
        let mut told = Told::default();
        while let Some(record) = reader.next_record()? {
            told.take(record)?;
        }
        let torn = reader.torn().cloned();
        let (Some(pristine), Some((written, entry, options))) = (told.pristine, told.snapshot)
        else {
            let cut = torn.map_or_else(String::new, |torn| {
                format!(", in the middle of a record at byte {}", torn.at)
            });
            bail!(
                "{} ends before an image was written{cut}; there is nothing to replay: slave resume \
                 brings the run to its end",
                path.display()
            );
        };
        Ok(Logged {
            pristine,
            entry,
            written,
            torn,
            options,
            arrivals: told.arrivals,
            kept: told.kept,
        })
    }

    /// Makes the slim image again; `entry` is the entry expression, compiled against the full image.
    ///
    /// # Errors
    /// Where the drafts do not fit together.
    pub fn slim(&self, entry: &MethodDraft) -> Result<Slim> {
        self.slim_of(&self.arrivals, &self.kept, entry)
    }

    /// What the image would be with a margin in place of the one that the run had; `answer` brings
    /// objects of the full image, given what came in the run.
    ///
    /// # Errors
    /// Those of `answer`, or where the drafts do not fit together.
    pub fn slim_with_margin(
        &self,
        entry: &MethodDraft,
        margin: Margin,
        mut answer: impl FnMut(&[Miss]) -> Result<Bundle>,
    ) -> Result<Slim> {
        let mut arrivals = self.arrivals.clone();
        let is_margin = |kept: &&Kept| Margin::ALL.map(because_of).contains(&kept.because);
        let mut kept: Vec<Kept> = self.kept.clone();
        kept.retain(|kept| !is_margin(&kept));
        let widening = Widening::around(&arrivals, &kept);
        widening.add(margin, &mut kept, |ghosts, kept| {
            let answer = answer(&misses(ghosts))?;
            arrivals.class_indices.extend(answer.classes);
            kept.extend(answer.placed.into_iter().map(|placed| Kept {
                placed,
                because: because_of(margin),
            }));
            Ok(())
        })?;
        self.slim_of(&arrivals, &kept, entry)
    }

    /// The ids of all that came in the run.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        let arrived = self.arrivals.drafts.iter().map(|arrival| &*arrival.placed);
        arrived.map(id_of)
    }

    fn slim_of(&self, arrivals: &Arrivals, kept: &[Kept], entry: &MethodDraft) -> Result<Slim> {
        let options = SlimOptions {
            entry: self.entry.clone(),
            origin: Some(self.pristine),
            ..SlimOptions::default()
        };
        let input = SlimInput {
            arrivals,
            kept,
            entry,
            options: &options,
        };
        slim(&input).context("cannot make the slim image")
    }
}

/// An image that was written: its fingerprint, its entry expression, the options of the run.
type Snapshot = (Fingerprint, String, Vec<(String, String)>);

/// What the records of a log tell, one after the other.
pub(crate) struct Told {
    /// The full image whose ids are meant.
    pub pristine: Option<Fingerprint>,
    /// How the slave was called.
    pub arguments: Vec<String>,
    /// What came.
    pub arrivals: Arrivals,
    /// The tests that passed.
    pub passed: Vec<(TestName, Duration)>,
    kept: Vec<Kept>,
    snapshot: Option<Snapshot>,
    /// Drafts that no record behind them has told the reason of.
    waiting: Vec<Placed<Draft>>,
}

impl Default for Told {
    fn default() -> Told {
        Told {
            pristine: None,
            arguments: Vec::new(),
            arrivals: Arrivals::new(&[]),
            passed: Vec::new(),
            kept: Vec::new(),
            snapshot: None,
            waiting: Vec::new(),
        }
    }
}

impl Told {
    /// Takes in the next record.
    ///
    /// # Errors
    /// Where it holds a draft that is none.
    pub fn take(&mut self, record: Record) -> Result<()> {
        match record {
            Record::Session(start) => self.begin(Fingerprint(start.image_fingerprint)),
            Record::Draft(bytes) => self.waiting.push(verified(&bytes)?),
            Record::Marks { epoch, .. } => {
                let drafts = std::mem::take(&mut self.waiting);
                self.arrivals.note_phase(&epoch, &drafts);
            }
            Record::Kept { because, .. } => {
                let kept = self.waiting.drain(..).map(|placed| Kept {
                    placed,
                    because: because.clone(),
                });
                self.kept.extend(kept);
            }
            Record::Classes(classes) => {
                let classes = classes.into_iter();
                let entry = |(name, index, meta): (String, u32, u32)| (name.into(), index, meta);
                self.arrivals.class_indices.extend(classes.map(entry));
            }
            Record::Snapshot {
                fingerprint,
                entry,
                options,
                ..
            } => self.snapshot = Some((Fingerprint(fingerprint), entry, options)),
            Record::Test {
                class,
                selector,
                outcome: LoggedOutcome::Passed,
                micros,
                ..
            } => {
                let name = TestName {
                    class: class.into(),
                    selector: selector.into(),
                };
                self.passed.push((name, Duration::from_micros(micros)));
            }
            // A slim image is made of the pristine one (D13), whatever was put over what ran.
            Record::Test { .. } | Record::Push(_) | Record::Rollback { .. } => {}
            Record::Arguments(arguments) => self.arguments = arguments,
        }
        Ok(())
    }

    /// A run begins or goes on. What the one before it had no time to mark, it did not reach; and what it
    /// kept beside is kept anew.
    fn begin(&mut self, pristine: Fingerprint) {
        self.pristine = Some(pristine);
        self.waiting.clear();
        self.kept.clear();
        self.snapshot = None;
    }
}

/// A draft of a log, looked at like any other that comes from outside.
fn verified(bytes: &[u8]) -> Result<Placed<Draft>> {
    let placed = decode_placed(bytes)?;
    imprint_isa::verifier::verify(&placed.draft, None)
        .map_err(|error| anyhow!("the log holds a draft that is refused: {error}"))?;
    Ok(placed)
}
