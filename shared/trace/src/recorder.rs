//! Writes a trace while it grows, beside the thread that runs: so noting costs no more than a set does,
//! and a crash loses what was touched in the last [`FLUSH_PERIOD`] and no more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::file::{TraceError, TraceWriter};
use crate::trace::{Fingerprint, Thing};
use crate::{Marks, Trace};

/// How often what was noted is written.
pub const FLUSH_PERIOD: Duration = Duration::from_millis(250);

/// A trace that is being recorded.
pub struct Recorder {
    trace: Trace,
    desk: Arc<Desk>,
    writer: Option<JoinHandle<Result<(), TraceError>>>,
}

/// Where the running thread puts what the writing thread takes.
#[derive(Default)]
struct Desk {
    pending: Mutex<Pending>,
    /// Told when the trace is over.
    over: Condvar,
}

#[derive(Default)]
struct Pending {
    marks: BTreeMap<String, Marks>,
    things: BTreeMap<u64, Thing>,
    passed: Vec<String>,
    page: Option<bool>,
    is_over: bool,
}

impl Recorder {
    /// Begins to record a run of an image into a new file.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn begin(path: &Path, image: Fingerprint, entry: &str) -> Result<Recorder, TraceError> {
        let file = TraceWriter::create(path, image, entry)?;
        let desk = Arc::new(Desk::default());
        let its_desk = desk.clone();
        let writer = std::thread::spawn(move || its_desk.write_into(file));
        let mut trace = Trace::new(image);
        trace.entry = entry.to_string();
        Ok(Recorder {
            trace,
            desk,
            writer: Some(writer),
        })
    }

    /// What was noted so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Notes that an epoch ran, whatever it touches.
    pub fn note_epoch(&mut self, epoch: &str) {
        if !self.trace.epochs.contains_key(epoch) {
            let name = || epoch.to_string();
            self.trace.epochs.insert(name(), Marks::default());
            self.desk.pending().marks.entry(name()).or_default();
        }
    }

    /// Notes that an epoch touched something; `thing` is asked only of what nobody touched before.
    pub fn note(&mut self, epoch: &str, id: u64, thing: impl FnOnce() -> Thing) {
        self.note_epoch(epoch);
        let marks = self.trace.epochs.get_mut(epoch);
        if !marks.is_some_and(|marks| marks.insert(id)) {
            return;
        }
        let mut pending = self.desk.pending();
        pending
            .marks
            .entry(epoch.to_string())
            .or_default()
            .insert(id);
        if let std::collections::btree_map::Entry::Vacant(place) = self.trace.things.entry(id) {
            pending.things.insert(id, place.insert(thing()).clone());
        }
    }

    /// Notes that an epoch was a test that passed.
    pub fn note_passed(&mut self, epoch: &str) {
        if self.trace.passed.insert(epoch.to_string()) {
            self.desk.pending().passed.push(epoch.to_string());
        }
    }

    /// Notes that a page was visited, and whether a click on it counted.
    pub fn note_page(&mut self, click_counted: bool) {
        self.trace.page = Some(click_counted);
        self.desk.pending().page = Some(click_counted);
    }

    /// Ends the file, and answers what is in it.
    ///
    /// # Errors
    /// Where something could not be written, now or before.
    pub fn finish(mut self) -> Result<Trace, TraceError> {
        self.stop().transpose()?;
        let image = self.trace.image;
        Ok(std::mem::replace(&mut self.trace, Trace::new(image)))
    }

    fn stop(&mut self) -> Option<Result<(), TraceError>> {
        self.desk.pending().is_over = true;
        self.desk.over.notify_one();
        let joined = self.writer.take()?.join();
        Some(joined.expect("the writer handles every error of the file"))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Who does not finish hears of no error, but what was noted is written all the same.
        let _ = self.stop();
    }
}

impl Desk {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nobody panics while holding it, and each change of it is whole.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_into(&self, mut file: TraceWriter) -> Result<(), TraceError> {
        loop {
            let pending = self.pending();
            let waited = self
                .over
                .wait_timeout_while(pending, FLUSH_PERIOD, |pending| !pending.is_over);
            let (mut pending, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let is_over = pending.is_over;
            let taken = std::mem::take(&mut *pending);
            pending.is_over = is_over;
            drop(pending);
            taken.write_into(&mut file)?;
            if is_over {
                return Ok(());
            }
        }
    }
}

impl Pending {
    fn write_into(&self, file: &mut TraceWriter) -> Result<(), TraceError> {
        file.append_things(self.things.iter().map(|(id, thing)| (*id, thing)))?;
        for (epoch, marks) in &self.marks {
            file.append(epoch, marks)?;
        }
        for epoch in &self.passed {
            file.append_passed(epoch)?;
        }
        self.page
            .map_or(Ok(()), |click_counted| file.append_page(click_counted))
    }
}
