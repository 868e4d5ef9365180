//! The replay log of a run: what came, in which phase, how the tests ended, and the image.
//!
//! Written while the run goes on, so that what happened before a crash can be read behind it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use imprint_image::Fingerprint;
use imprint_isa::draft_bytes::encode_placed;
use imprint_shrink::Kept;
use imprint_vm::Arrivals;
use imprint_vm::extract::ClassIndices;
use imprint_wire::log::{LogWriter, Record, SessionStart};
use imprint_wire::message::TestFinished;

use crate::keeping::id_of;
use crate::resuming::Unfinished;
use crate::session::Session;

/// A replay log, and how much of what came stands in it.
pub struct Replay {
    writer: LogWriter,
    path: PathBuf,
    written: usize,
    declared: usize,
}

impl Replay {
    /// Begins the log of a run beside an image.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn beside(image: &Path, session: &Session, arguments: &[String]) -> Result<Replay> {
        let seed = session.line.borrow().seed_fingerprint;
        let mut replay = Replay::begin(image, session.origin(), seed)?;
        replay
            .writer
            .append(&Record::Arguments(arguments.to_vec()))?;
        Ok(replay)
    }

    /// Goes on with the log of a run that was cut short.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn go_on(mut unfinished: Unfinished, session: &Session) -> Result<Replay> {
        let seed = session.line.borrow().seed_fingerprint;
        note_session(&mut unfinished.writer, session.origin(), seed)?;
        Ok(Replay {
            writer: unfinished.writer,
            path: unfinished.path,
            written: unfinished.told.arrivals.drafts.len(),
            declared: unfinished.told.arrivals.class_indices.len(),
        })
    }

    fn begin(image: &Path, pristine: Fingerprint, seed: Option<Fingerprint>) -> Result<Replay> {
        let path = image.with_extension("replay");
        let mut writer = LogWriter::create(&path)?;
        note_session(&mut writer, pristine, seed)?;
        Ok(Replay {
            writer,
            path,
            written: 0,
            declared: 0,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what came since the last time, and behind the drafts of each phase which these were.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn note_arrivals(&mut self, arrivals: &Arrivals) -> Result<()> {
        let declared = &arrivals.class_indices[self.declared..];
        if !declared.is_empty() {
            let entry =
                |(name, index, meta_index): &ClassIndices| (name.to_string(), *index, *meta_index);
            self.writer
                .append(&Record::Classes(declared.iter().map(entry).collect()))?;
        }
        self.declared = arrivals.class_indices.len();
        let fresh = &arrivals.drafts[self.written..];
        for phase in fresh.chunk_by(|one, next| one.phase == next.phase) {
            for arrival in phase {
                let bytes = encode_placed(&arrival.placed);
                self.writer.append(&Record::Draft(bytes))?;
            }
            let name = arrivals.phases.get(phase[0].phase);
            self.writer.append(&Record::Marks {
                epoch: name.cloned().unwrap_or_default(),
                ids: phase.iter().map(|arrival| id_of(&arrival.placed)).collect(),
            })?;
        }
        self.written = arrivals.drafts.len();
        Ok(())
    }

    /// Writes what was kept though nothing reached it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn note_kept(&mut self, kept: &[Kept]) -> Result<()> {
        for reason in kept.chunk_by(|one, next| one.because == next.because) {
            for kept in reason {
                let bytes = encode_placed(&kept.placed);
                self.writer.append(&Record::Draft(bytes))?;
            }
            self.writer.append(&Record::Kept {
                because: reason[0].because.clone(),
                ids: reason.iter().map(|kept| id_of(&kept.placed)).collect(),
            })?;
        }
        Ok(())
    }

    /// Writes how a test ended.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn note_test(&mut self, finished: &TestFinished) -> Result<()> {
        Ok(self.writer.append(&Record::Test {
            class: finished.test.class.to_string(),
            selector: finished.test.selector.to_string(),
            outcome: finished.outcome.into(),
            text: finished.text.clone(),
            micros: finished.micros,
        })?)
    }

    /// Writes that an image was written, with what it was made of; nothing is lost from here on.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn note_snapshot(
        &mut self,
        image: &Path,
        entry: &str,
        options: &[(String, String)],
    ) -> Result<()> {
        let bytes = std::fs::read(image)?;
        self.writer.append(&Record::Snapshot {
            path: image.display().to_string(),
            fingerprint: Fingerprint::of(&bytes).0,
            entry: entry.to_string(),
            options: options.to_vec(),
        })?;
        Ok(self.writer.sync()?)
    }
}

/// Writes that a run begins or goes on.
fn note_session(
    writer: &mut LogWriter,
    pristine: Fingerprint,
    seed: Option<Fingerprint>,
) -> Result<()> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(writer.append(&Record::Session(SessionStart {
        program_version: env!("CARGO_PKG_VERSION").to_string(),
        image_fingerprint: pristine.0,
        seed_fingerprint: seed.map(|seed| seed.0),
        // A clock before 1970 is set wrong; the log is good all the same.
        started_micros: since_1970.map_or(0, |time| time.as_micros() as u64),
    }))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_wire::log::LogReader;

    #[test]
    fn a_log_begins_with_its_session_and_ends_with_its_image() {
        let folder = std::env::temp_dir().join(format!("imprint-replay-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let image = folder.join("small.image");
        std::fs::write(&image, b"an image").unwrap();
        let mut replay = Replay::begin(&image, Fingerprint::of(b"full"), None).unwrap();
        replay.note_arrivals(&Arrivals::new(&[])).unwrap();
        replay.note_snapshot(&image, "3 + 4", &[]).unwrap();
        let records = LogReader::open(replay.path()).unwrap().rest().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(records.len(), 2);
        assert!(matches!(&records[0], Record::Session(start)
            if start.image_fingerprint == Fingerprint::of(b"full").0));
        assert!(matches!(&records[1], Record::Snapshot { fingerprint, .. }
            if *fingerprint == Fingerprint::of(b"an image").0));
    }
}
