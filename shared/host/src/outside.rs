//! The outside of a machine that runs by itself: a clock, timers and readiness; no master, no
//! compiler. Masters and slaves wrap it and answer the rest.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss};
use imprint_vm::install::Names;
use imprint_vm::{Answer, Event, Outside, OutsideError};
use rustix::time::{ClockId, clock_gettime};

use crate::pruned::PrunedLog;
use crate::reactor::{Reactor, Waker};

/// Seconds from the beginning of 1901 to that of 1970.
pub const SECONDS_1901_TO_1970: u64 = (69 * 365 + 17) * 86_400;

/// A machine's outside where there is no master.
pub struct LocalOutside {
    clock: SteadyClock,
    reactor: Reactor,
    pruned: PrunedLog,
}

impl LocalOutside {
    /// An outside with a reactor of its own.
    ///
    /// # Errors
    /// Where the system has no descriptors left.
    pub fn new() -> io::Result<LocalOutside> {
        Ok(LocalOutside {
            clock: SteadyClock::new(now_micros(), since_boot()),
            reactor: Reactor::new()?,
            pruned: PrunedLog::default(),
        })
    }

    /// What is shared with the modules of primitives: pass it to [`crate::register`].
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// A handle by which another thread gives orders.
    pub fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    /// What was reached though it was pruned.
    pub fn pruned_log(&self) -> PrunedLog {
        self.pruned.clone()
    }
}

/// UTC microseconds since the beginning of 1901, by the system's clock.
pub fn now_micros() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |duration| duration.as_micros() as u64);
    since_1970 + SECONDS_1901_TO_1970 * 1_000_000
}

/// A clock that is set once, by the system's, and then goes on as time passes: where the system's clock is
/// set while a program runs, no delay of the program ends an hour too early or too late.
struct SteadyClock {
    begin_micros: u64,
    begin: Duration,
}

/// How long this computer runs, its sleep counted.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    // The kernel counts up from 0, in whole seconds and less than a billion nanoseconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl SteadyClock {
    fn new(begin_micros: u64, begin: Duration) -> SteadyClock {
        SteadyClock {
            begin_micros,
            begin,
        }
    }

    fn micros_at(&self, now: Duration) -> u64 {
        let elapsed = now.saturating_sub(self.begin);
        self.begin_micros + elapsed.as_micros() as u64
    }
}

impl Outside for LocalOutside {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        self.reactor.wait(deadline)
    }

    fn poll(&mut self) -> Vec<Event> {
        self.reactor.poll()
    }

    fn compile(&mut self, _: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        Err("there is no compiler here, and no master to ask".to_string())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, class: &BehaviorName, selector: &str) {
        self.pruned.note(&format!("{class}>>{selector}"));
    }

    fn pruned_object(&mut self, name: Option<&str>) {
        self.pruned.note_object(name);
    }

    fn pruned_unhandled(&mut self) {
        self.pruned.note_unhandled();
    }

    fn warn(&mut self, sentence: &str) {
        eprintln!("warning: {sentence}");
    }

    fn now_micros(&self) -> u64 {
        self.clock.micros_at(since_boot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_from_1901() {
        // The beginning of 2020 and of 2100.
        let range = 3_755_289_600_000_000..6_279_897_600_000_000;
        assert!(range.contains(&now_micros()));
    }

    #[test]
    fn a_clock_that_is_set_while_a_program_runs_does_not_reach_the_program() {
        // A source of time that is an hour behind, then a year ahead: it is asked once.
        let mut system = [5_000_000_000, 1_400_000_000, 36_000_000_000_000].into_iter();
        let begin = Duration::from_secs(777);
        let clock = SteadyClock::new(system.next().unwrap(), begin);
        for seconds in [0, 1, 3600] {
            let now = begin + Duration::from_secs(seconds);
            let expected = 5_000_000_000 + seconds * 1_000_000;
            assert_eq!(
                clock.micros_at(now),
                expected,
                "the system says {:?}",
                system.next()
            );
        }
        assert_eq!(
            clock.micros_at(begin),
            5_000_000_000,
            "and it never goes back"
        );
    }

    #[test]
    fn there_is_nobody_to_ask() {
        let mut outside = LocalOutside::new().unwrap();
        assert_eq!(outside.request(&[]), Err(OutsideError::NoMaster));
    }
}
